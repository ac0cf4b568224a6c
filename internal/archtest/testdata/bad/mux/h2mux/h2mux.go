// Package h2mux may import mux, but not vecio.
package h2mux

import (
	_ "example.com/bad/mux"
	_ "example.com/bad/vecio"
)
