package bufpool_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/headrace-go/headrace/bufpool"
)

// model is a Buf as a naive program would have it: every holder with bytes of
// its own, copied whenever bytes are shared.
type model struct {
	buf                bufpool.Buf
	window             []byte
	headroom, tailroom int
	shared             bool
}

// machine runs random operations on Bufs and Chains, and on their models.
type machine struct {
	pool     *bufpool.Pool
	bufs     []*model
	stale    []bufpool.Buf
	chains   [2]bufpool.Chain
	contents [2][]byte
	released int // foreign memory given back
	wrapped  int
}

func newMachine(t *rapid.T) *machine {
	p, err := bufpool.New(bufpool.Config{Limit: 1 << 20, Floor: -1})
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{pool: p}
	for i := range m.chains {
		m.chains[i].Pool = p
	}
	return m
}

// pick draws one of the Bufs, or skips the operation if there is none.
func (m *machine) pick(t *rapid.T) *model {
	if len(m.bufs) == 0 {
		t.Skip("no Buf")
	}
	return m.bufs[rapid.IntRange(0, len(m.bufs)-1).Draw(t, "buf")]
}

func (m *machine) forget(b *model) {
	m.bufs = slices.DeleteFunc(m.bufs, func(x *model) bool { return x == b })
}

func drawBytes(t *rapid.T, most int) []byte {
	return rapid.SliceOfN(rapid.Byte(), 0, most).Draw(t, "bytes")
}

// offset draws a number around a range, so that some lie outside of it.
func offset(t *rapid.T, most int) int { return rapid.IntRange(-1, most+1).Draw(t, "offset") }

// expect compares an error with what the model says.
func expect(t *rapid.T, op string, got error, want error) {
	if !errors.Is(got, want) || want == nil && got != nil {
		t.Fatalf("%s = %v, want %v", op, got, want)
	}
}

// inRange is the error of an operation on the first n of most bytes.
func inRange(n, most int) error {
	if n < 0 || n > most {
		return bufpool.ErrRange
	}
	return nil
}

// fits is the error of an operation that needs n of the room.
func fits(n, room int) error {
	switch {
	case n < 0:
		return bufpool.ErrRange
	case n > room:
		return bufpool.ErrNoRoom
	}
	return nil
}

func (m *machine) Lease(t *rapid.T) {
	part := rapid.IntRange(0, 90)
	headroom, size, tailroom := part.Draw(t, "headroom"), part.Draw(t, "size"), part.Draw(t, "tailroom")
	b := m.pool.Lease(headroom, size, tailroom)
	window := bytes.Repeat([]byte{byte(size)}, size)
	copy(b.Bytes(), window)
	m.bufs = append(m.bufs, &model{buf: b, window: window, headroom: headroom, tailroom: tailroom})
}

func (m *machine) Wrap(t *rapid.T) {
	memory := drawBytes(t, 50)
	m.wrapped++
	b := bufpool.Wrap(bytes.Clone(memory), func() { m.released++ })
	m.bufs = append(m.bufs, &model{buf: b, window: memory, shared: true})
}

func (m *machine) Write(t *rapid.T) {
	b := m.pick(t)
	if b.shared || len(b.window) == 0 {
		t.Skip("not to be written to")
	}
	i := rapid.IntRange(0, len(b.window)-1).Draw(t, "index")
	v := rapid.Byte().Draw(t, "value")
	b.buf.Bytes()[i], b.window[i] = v, v
}

func (m *machine) Prepend(t *rapid.T) {
	b := m.pick(t)
	n := offset(t, b.headroom)
	header, err := b.buf.Prepend(n)
	expect(t, "Prepend", err, fits(n, b.headroom))
	if err == nil {
		fresh := bytes.Repeat([]byte{'p'}, n)
		copy(header, fresh)
		b.window = append(fresh, b.window...)
		b.headroom -= n
	}
}

func (m *machine) Append(t *rapid.T) {
	b := m.pick(t)
	p := drawBytes(t, b.tailroom+1)
	err := b.buf.Append(p)
	expect(t, "Append", err, fits(len(p), b.tailroom))
	if err == nil {
		b.window = append(b.window, p...)
		b.tailroom -= len(p)
	}
}

func (m *machine) ReserveCommit(t *rapid.T) {
	b := m.pick(t)
	room := b.buf.Reserve()
	for i := range room {
		room[i] = 'r'
	}
	n := offset(t, b.tailroom)
	err := b.buf.Commit(n)
	expect(t, "Commit", err, fits(n, b.tailroom))
	if err == nil {
		b.window = append(b.window, bytes.Repeat([]byte{'r'}, n)...)
		b.tailroom -= n
	}
}

func (m *machine) Advance(t *rapid.T) {
	b := m.pick(t)
	n := offset(t, len(b.window))
	err := b.buf.Advance(n)
	expect(t, "Advance", err, inRange(n, len(b.window)))
	if err == nil {
		b.window = b.window[n:]
		if !b.shared {
			b.headroom += n
		}
	}
}

func (m *machine) Truncate(t *rapid.T) {
	b := m.pick(t)
	n := offset(t, len(b.window))
	err := b.buf.Truncate(n)
	expect(t, "Truncate", err, inRange(n, len(b.window)))
	if err == nil {
		if !b.shared {
			b.tailroom += len(b.window) - n
		}
		b.window = b.window[:n:n]
	}
}

// Reset may regain memory that others held: that is read off, not predicted,
// but must be no less than what the holder has.
func (m *machine) Reset(t *rapid.T) {
	b := m.pick(t)
	room := b.headroom + len(b.window) + b.tailroom
	if b.shared {
		room = 0
	}
	n := rapid.IntRange(-1, room).Draw(t, "headroom")
	err := b.buf.Reset(n)
	expect(t, "Reset", err, fits(n, room))
	if err == nil {
		if got := b.buf.Headroom() + b.buf.Tailroom(); got < room || b.buf.Headroom() != n {
			t.Fatalf("Reset(%d) leaves %d bytes, had %d", n, got, room)
		}
		b.window, b.headroom, b.tailroom, b.shared = nil, n, b.buf.Tailroom(), b.buf.Shared()
	}
}

func (m *machine) share(b *model, s bufpool.Buf, window []byte) {
	b.headroom, b.tailroom, b.shared = 0, 0, true
	m.bufs = append(m.bufs, &model{buf: s, window: bytes.Clone(window), shared: true})
}

func (m *machine) Share(t *rapid.T) {
	b := m.pick(t)
	if b.buf != (bufpool.Buf{}) {
		m.share(b, b.buf.Share(), b.window)
	}
}

func (m *machine) Slice(t *rapid.T) {
	b := m.pick(t)
	if b.buf == (bufpool.Buf{}) {
		t.Skip("nothing to share")
	}
	i, j := offset(t, len(b.window)), offset(t, len(b.window))
	s, err := b.buf.Slice(i, j)
	want := inRange(j, len(b.window))
	if want == nil {
		want = inRange(i, j)
	}
	expect(t, "Slice", err, want)
	if err == nil {
		m.share(b, s, b.window[i:j])
	}
}

func (m *machine) SplitTo(t *rapid.T) {
	b := m.pick(t)
	n := offset(t, len(b.window))
	s, err := b.buf.SplitTo(n)
	expect(t, "SplitTo", err, inRange(n, len(b.window)))
	if err == nil && b.buf != (bufpool.Buf{}) {
		m.bufs = append(m.bufs, &model{buf: s, window: bytes.Clone(b.window[:n]), headroom: b.headroom, shared: b.shared})
		b.window, b.headroom = b.window[n:], 0
	}
}

func (m *machine) SplitOff(t *rapid.T) {
	b := m.pick(t)
	n := offset(t, len(b.window))
	s, err := b.buf.SplitOff(n)
	expect(t, "SplitOff", err, inRange(n, len(b.window)))
	if err == nil && b.buf != (bufpool.Buf{}) {
		m.bufs = append(m.bufs, &model{buf: s, window: bytes.Clone(b.window[n:]), tailroom: b.tailroom, shared: b.shared})
		b.window, b.tailroom = b.window[:n:n], 0
	}
}

func (m *machine) Release(t *rapid.T) {
	b := m.pick(t)
	b.buf.Release()
	m.stale = append(m.stale, b.buf)
	m.forget(b)
}

// Stale releases a Buf once more, in any later generation of its record.
func (m *machine) Stale(t *rapid.T) {
	stale := slices.DeleteFunc(slices.Clone(m.stale), func(b bufpool.Buf) bool { return b == bufpool.Buf{} })
	if len(stale) == 0 {
		t.Skip("nothing released")
	}
	b := rapid.SampledFrom(stale).Draw(t, "stale")
	defer func() {
		if recover() == nil {
			t.Fatal("a released Buf could be released again")
		}
	}()
	b.Release()
}

func (m *machine) chain(t *rapid.T) (*bufpool.Chain, *[]byte) {
	i := rapid.IntRange(0, 1).Draw(t, "chain")
	return &m.chains[i], &m.contents[i]
}

func (m *machine) Push(t *rapid.T) {
	b := m.pick(t)
	c, content := m.chain(t)
	c.Push(b.buf)
	*content = append(*content, b.window...)
	m.forget(b)
}

func (m *machine) PushFront(t *rapid.T) {
	b := m.pick(t)
	c, content := m.chain(t)
	c.PushFront(b.buf)
	*content = append(bytes.Clone(b.window), *content...)
	m.forget(b)
}

func (m *machine) PopFront(t *rapid.T) {
	c, content := m.chain(t)
	b, ok := c.PopFront()
	if !ok {
		return
	}
	n := b.Len()
	m.bufs = append(m.bufs, &model{
		buf: b, window: bytes.Clone((*content)[:n]),
		headroom: b.Headroom(), tailroom: b.Tailroom(), shared: b.Shared(),
	})
	*content = (*content)[n:]
}

func (m *machine) ChainRead(t *rapid.T) {
	c, content := m.chain(t)
	p := make([]byte, rapid.IntRange(0, 100).Draw(t, "length"))
	n, err := c.Read(p)
	want := min(len(p), len(*content))
	var wantErr error
	if len(p) > 0 && len(*content) == 0 {
		wantErr = io.EOF
	}
	if n != want || err != wantErr || !bytes.Equal(p[:n], (*content)[:n]) {
		t.Fatalf("Read = %q, %v, want %q, %v", p[:n], err, (*content)[:want], wantErr)
	}
	*content = (*content)[n:]
}

func (m *machine) Discard(t *rapid.T) {
	c, content := m.chain(t)
	n := offset(t, len(*content))
	err := c.Discard(n)
	expect(t, "Discard", err, inRange(n, len(*content)))
	if err == nil {
		*content = (*content)[n:]
	}
}

func (m *machine) Split(t *rapid.T) {
	n := offset(t, len(m.contents[0]))
	err := m.chains[0].Split(n, &m.chains[1])
	expect(t, "Split", err, inRange(n, len(m.contents[0])))
	if err == nil {
		m.contents[1] = append(m.contents[1], m.contents[0][:n]...)
		m.contents[0] = m.contents[0][n:]
	}
}

func (m *machine) ReadFrom(t *rapid.T) {
	c, content := m.chain(t)
	p := drawBytes(t, 3000)
	n, err := c.ReadFrom(bytes.NewReader(p))
	if n != int64(len(p)) || err != nil {
		t.Fatalf("ReadFrom = %d, %v, want %d", n, err, len(p))
	}
	*content = append(*content, p...)
}

func (m *machine) WriteTo(t *rapid.T) {
	c, content := m.chain(t)
	most := rapid.IntRange(0, 100).Draw(t, "most") // 0: all
	w := &gather{most: most}
	n, err := c.WriteTo(w)
	want := len(*content)
	if most > 0 {
		want = min(want, most)
	}
	if n != int64(want) || (err != nil) != (want < len(*content)) || !bytes.Equal(w.Bytes(), (*content)[:want]) {
		t.Fatalf("WriteTo = %d, %v, wrote %d bytes, want %d", n, err, w.Len(), want)
	}
	*content = (*content)[want:]
}

// Check compares every holder with its model: no operation on one may be seen
// by another. And what was released stays dead.
func (m *machine) Check(t *rapid.T) {
	for i, b := range m.bufs {
		if !bytes.Equal(b.buf.Bytes(), b.window) || b.buf.Len() != len(b.window) ||
			b.buf.Headroom() != b.headroom || b.buf.Tailroom() != b.tailroom || b.buf.Shared() != b.shared {
			t.Fatalf("Buf %d: %q, headroom %d, tailroom %d, shared %v, want %q, %d, %d, %v", i,
				b.buf.Bytes(), b.buf.Headroom(), b.buf.Tailroom(), b.buf.Shared(),
				b.window, b.headroom, b.tailroom, b.shared)
		}
	}
	for i := range m.chains {
		c, want := &m.chains[i], m.contents[i]
		got := make([]byte, len(want)+1)
		got = got[:c.Peek(got)]
		if !bytes.Equal(got, want) || c.Len() != len(want) {
			t.Fatalf("Chain %d: %q, Len %d, want %q", i, got, c.Len(), want)
		}
		if !bytes.HasPrefix(want, c.Front()) || len(c.Front()) == 0 && len(want) > 0 {
			t.Fatalf("Chain %d: Front = %q", i, c.Front())
		}
	}
	if m.released > m.wrapped {
		t.Fatalf("%d releases of %d wrapped", m.released, m.wrapped)
	}
}

// end releases everything; then every foreign memory is back.
func (m *machine) end(t *rapid.T) {
	for _, b := range m.bufs {
		b.buf.Release()
	}
	for i := range m.chains {
		m.chains[i].Reset()
	}
	if m.released != m.wrapped {
		t.Fatalf("%d of %d wrapped memories were given back", m.released, m.wrapped)
	}
	if s := m.pool.Stats(); s.Refused != 0 {
		t.Fatalf("Refused = %d, want 0", s.Refused)
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		defer m.end(t)
		actions := rapid.StateMachineActions(m)
		t.Repeat(actions)
	})
}
