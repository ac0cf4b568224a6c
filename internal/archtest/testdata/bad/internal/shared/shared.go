// Package shared is no longer shared ground: it imports a room.
package shared

import _ "example.com/bad/bufpool"
