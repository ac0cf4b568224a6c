// Package aead imports another room.
package aead

import _ "example.com/bad/bufpool"
