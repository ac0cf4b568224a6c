package bufpool

// Shared reports whether others may hold the same bytes: then they must not be
// written to, and there is neither headroom nor tailroom. It stays true after
// the others have gone, until Reset. Wrapped memory is always shared.
func (b Buf) Shared() bool {
	return b.h != nil && b.live().frozen
}

// Share returns another holder of the same bytes. From then on both are Shared.
func (b Buf) Share() Buf {
	s, _ := b.Slice(0, b.Len()) // all of the window is within it
	return s
}

// Slice returns another holder, of the bytes i to j of the window. From then on
// both are Shared. It returns ErrRange if there are no such bytes.
func (b Buf) Slice(i, j int) (Buf, error) {
	if uint(j) > uint(b.Len()) || uint(i) > uint(j) {
		return Buf{}, ErrRange
	}
	if b.h == nil {
		return Buf{}, nil
	}
	h := b.h
	h.freeze()
	s := h.share()
	s.view(h.data[i:j:j], 0, j-i, true)
	return s.hold(), nil
}

// SplitTo cuts the first n bytes off the window and returns them as another
// holder, which takes the headroom along. Neither sees the other's memory, so
// that both may be written to, unless b was Shared. It returns ErrRange if the
// window is shorter or n negative.
func (b Buf) SplitTo(n int) (Buf, error) {
	if uint(n) > uint(b.Len()) {
		return Buf{}, ErrRange
	}
	if b.h == nil {
		return Buf{}, nil
	}
	h := b.h
	s := h.share()
	cut := h.start + n
	s.view(h.data[:cut:cut], h.start, cut, h.frozen)
	h.view(h.data[cut:], 0, h.end-cut, h.frozen)
	return s.hold(), nil
}

// SplitOff cuts the window after n bytes and returns the rest as another
// holder, which takes the tailroom along. Otherwise it is like SplitTo.
func (b Buf) SplitOff(n int) (Buf, error) {
	if uint(n) > uint(b.Len()) {
		return Buf{}, ErrRange
	}
	if b.h == nil {
		return Buf{}, nil
	}
	h := b.h
	s := h.share()
	cut := h.start + n
	s.view(h.data[cut:], 0, h.end-cut, h.frozen)
	h.view(h.data[:cut:cut], h.start, cut, h.frozen)
	return s.hold(), nil
}

// Wrap returns a Buf over memory that no pool owns. b must not change before
// release runs, once, on the goroutine that releases the last holder; release
// may be nil. The Buf is Shared.
func Wrap(b []byte, release func()) Buf {
	m := memories.Get().(*memory)
	m.pool, m.release, m.class = nil, release, -1
	m.refs.Store(1)
	h := &m.first
	h.mem = m
	h.view(b[:len(b):len(b)], 0, len(b), true)
	return h.hold()
}

func (h *handle) view(data []byte, start, end int, frozen bool) {
	h.data, h.start, h.end, h.frozen = data, start, end, frozen
}

// freeze gives up the room around the window.
func (h *handle) freeze() {
	if !h.frozen {
		h.view(h.data[h.start:h.end:h.end], 0, h.end-h.start, true)
	}
}
