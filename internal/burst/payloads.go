package burst

import "sync"

// GatherMax is how many payloads one write takes: a full burst of records of 16
// KiB is 32.
const GatherMax = 64

// Payloads are parts of one buffer, in their order. It is not safe for
// concurrent use.
type Payloads struct {
	Bufs [GatherMax][]byte
	N    int
	Size int64 // of all of them
}

// gathers lends Payloads for one write: a stream that waits has none.
var gathers = sync.Pool{New: func() any { return new(Payloads) }}

// Gather returns empty Payloads. Free takes them back.
func Gather() *Payloads { return gathers.Get().(*Payloads) }

// Reset lets go of the buffers.
func (g *Payloads) Reset() {
	clear(g.Bufs[:g.N])
	g.N, g.Size = 0, 0
}

// Free is Reset for Payloads that will not be used any more.
func (g *Payloads) Free() {
	g.Reset()
	gathers.Put(g)
}

// Full reports whether nothing can be added.
func (g *Payloads) Full() bool { return g.N == GatherMax }

// Add appends b, or moves it to the end of the last payload if both are
// shorter than join. What lies between the two is spent.
func (g *Payloads) Add(b []byte, join int) {
	g.Size += int64(len(b))
	if g.N > 0 && len(b) < join {
		if last := &g.Bufs[g.N-1]; len(*last) < join {
			*last = appendInPlace(*last, b)
			return
		}
	}
	g.Bufs[g.N] = b
	g.N++
}

// From returns all but the first n bytes as one slice.
func (g *Payloads) From(n int64) []byte {
	var rest []byte
	for _, b := range g.Bufs[:g.N] {
		if n >= int64(len(b)) {
			n -= int64(len(b))
			continue
		}
		b = b[n:]
		n = 0
		if rest == nil {
			rest = b
		} else {
			rest = appendInPlace(rest, b)
		}
	}
	return rest
}

// appendInPlace is append, for a b that lies behind a in the same array.
func appendInPlace(a, b []byte) []byte {
	end := len(a)
	a = a[:end+len(b)]
	copy(a[end:], b)
	return a
}
