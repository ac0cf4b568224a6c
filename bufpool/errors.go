package bufpool

import "errors"

var (
	// ErrNoRoom: the headroom or tailroom of a Buf does not hold that many
	// bytes. Nothing was changed.
	ErrNoRoom = errors.New("bufpool: no room in buffer")

	// ErrRange: an offset or length lies outside what is there. Nothing was
	// changed.
	ErrRange = errors.New("bufpool: out of range")

	// ErrLimit: the configured limit of a Chain, Arena or Growable is reached.
	ErrLimit = errors.New("bufpool: limit reached")
)
