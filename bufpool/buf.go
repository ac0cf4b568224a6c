package bufpool

import "github.com/headrace-go/headrace/internal/invariants"

// A Buf is a lease: a window onto memory, with headroom before it and tailroom
// behind it, held until Release. It is a value of two words, and carries the
// generation of its lease: every method of a Buf that was released, or of a
// copy of it, panics, even if the memory has been lent again since.
//
// Copies are the same holder. Share, Slice, SplitTo and SplitOff make new ones,
// each of which must be released, and none of which can release another.
// Different holders may be used by different goroutines at the same time, one
// holder by one goroutine at a time.
//
// Sizes and offsets may come from a peer: what does not fit is an error and
// changes nothing. The zero Buf is empty, has no room, and need not be released.
type Buf struct {
	h   *handle
	gen uint64
}

// live returns the handle of b, or panics if b was released.
func (b Buf) live() *handle {
	if b.h.gen.Load() != b.gen {
		b.stale("bufpool: Buf used after Release")
	}
	return b.h
}

// Bytes returns the window. The slice is valid until b is released, and shows
// what the window was at the time. Its holder may write to it unless Shared.
func (b Buf) Bytes() []byte {
	if b.h == nil {
		return nil
	}
	h := b.live()
	return h.data[h.start:h.end:h.end]
}

// Len returns the length of the window.
func (b Buf) Len() int {
	if b.h == nil {
		return 0
	}
	h := b.live()
	return h.end - h.start
}

// Headroom returns how many bytes Prepend has room for.
func (b Buf) Headroom() int {
	if b.h == nil {
		return 0
	}
	return b.live().start
}

// Tailroom returns how many bytes Append has room for.
func (b Buf) Tailroom() int {
	if b.h == nil {
		return 0
	}
	h := b.live()
	return len(h.data) - h.end
}

// Prepend grows the window by n bytes to the front and returns these bytes,
// contents undefined, for the caller to fill. It returns ErrNoRoom if the
// headroom is smaller, and ErrRange if n is negative.
func (b Buf) Prepend(n int) ([]byte, error) {
	if n < 0 {
		return nil, ErrRange
	}
	if n > b.Headroom() {
		return nil, ErrNoRoom
	}
	if n == 0 {
		return nil, nil
	}
	h := b.h
	h.start -= n
	return h.data[h.start : h.start+n : h.start+n], nil
}

// Append copies p behind the window and grows the window by it. It returns
// ErrNoRoom if the tailroom is smaller: then nothing was copied.
func (b Buf) Append(p []byte) error {
	if len(p) > b.Tailroom() {
		return ErrNoRoom
	}
	if len(p) > 0 {
		b.h.end += copy(b.h.data[b.h.end:], p)
	}
	return nil
}

// Reserve returns the tailroom, contents undefined, to be filled from the
// front. Commit makes what was filled part of the window.
func (b Buf) Reserve() []byte {
	if b.h == nil {
		return nil
	}
	h := b.live()
	return h.data[h.end:len(h.data):len(h.data)]
}

// Commit grows the window by the first n bytes of the tailroom. It returns
// ErrNoRoom if the tailroom is smaller, and ErrRange if n is negative.
func (b Buf) Commit(n int) error {
	if n < 0 {
		return ErrRange
	}
	if n > b.Tailroom() {
		return ErrNoRoom
	}
	if n > 0 {
		b.h.end += n
	}
	return nil
}

// Advance drops the first n bytes of the window; they become headroom. It
// returns ErrRange if the window is shorter or n negative.
func (b Buf) Advance(n int) error {
	if uint(n) > uint(b.Len()) {
		return ErrRange
	}
	if n == 0 {
		return nil
	}
	h := b.h
	if h.frozen {
		h.data = h.data[n:]
		h.end -= n
		return nil
	}
	h.start += n
	return nil
}

// Truncate drops all but the first n bytes of the window; they become
// tailroom. It returns ErrRange if the window is shorter or n negative.
func (b Buf) Truncate(n int) error {
	if uint(n) > uint(b.Len()) {
		return ErrRange
	}
	if b.h == nil {
		return nil
	}
	h := b.h
	h.end = h.start + n
	if h.frozen {
		h.data = h.data[:n:n]
	}
	return nil
}

// Reset empties the window and places it behind headroom bytes. If b is the
// only holder left, it regains the whole buffer, whatever was split off or
// shared before; Wrapped memory is never regained. Reset returns ErrNoRoom if
// there is less room than that, and ErrRange if headroom is negative.
func (b Buf) Reset(headroom int) error {
	if headroom < 0 {
		return ErrRange
	}
	if b.h == nil {
		if headroom > 0 {
			return ErrNoRoom
		}
		return nil
	}
	h := b.live()
	data, frozen := h.data, h.frozen
	switch {
	case h.mem.pool != nil && h.mem.refs.Load() == 1:
		data, frozen = h.mem.full, false
	case frozen:
		data = nil
	}
	if headroom > len(data) {
		return ErrNoRoom
	}
	h.data, h.frozen = data, frozen
	h.start, h.end = headroom, headroom
	return nil
}

// Release ends the lease; the memory goes back when its last holder releases
// it. Release panics if this Buf, or a copy of it, was released before, even if
// the memory has been lent again since.
func (b Buf) Release() {
	if b.h == nil {
		return
	}
	if !b.h.gen.CompareAndSwap(b.gen, b.gen+1) {
		b.stale("bufpool: Buf released twice")
	}
	if invariants.Enabled {
		b.h.trace.released(b.gen)
	}
	b.h.drop()
}
