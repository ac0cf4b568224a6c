// Package vecio is built from another room, by a detour.
package vecio

import _ "example.com/bad/internal/shared"
