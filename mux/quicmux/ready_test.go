package quicmux_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headrace-go/headrace/mux/quicmux"
)

// A latePool lends buffers, but only when it may.
type latePool struct {
	t    *testing.T
	may  atomic.Bool
	lent atomic.Int32
}

func (p *latePool) Get(n int) []byte {
	if !p.may.Load() {
		p.t.Error("a buffer is taken before anything has come")
	}
	p.lent.Add(1)
	return make([]byte, n)
}

func (p *latePool) Put([]byte) { p.lent.Add(-1) }

// TestReadReady holds no buffer while it waits, and none after an error.
func TestReadReady(t *testing.T) {
	c, s := pair(t, quicmux.Config{}, quicmux.Config{})
	st, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	far, err := s.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pool := &latePool{t: t}
	type read struct {
		b   []byte
		err error
	}
	result := make(chan read)
	next := func() read {
		go func() {
			b, err := st.(*quicmux.Stream).ReadReady(pool)
			result <- read{b, err}
		}()
		return <-result
	}
	if err := st.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if r := next(); !errors.Is(r.err, os.ErrDeadlineExceeded) || pool.lent.Load() != 0 {
		t.Errorf("ReadReady at the deadline = %d bytes, %v, %d lent", len(r.b), r.err, pool.lent.Load())
	}
	if err := st.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	pool.may.Store(true)
	want := pattern(100 << 10)
	go func() {
		_, _ = far.Write(want)
		_ = far.CloseWrite()
	}()
	var got []byte
	for {
		r := next()
		if r.err == io.EOF {
			break
		}
		if r.err != nil {
			t.Fatal(r.err)
		}
		got = append(got, r.b...)
		pool.Put(r.b)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d and the same", len(got), len(want))
	}
	_ = st.Close()
	if r := next(); !errors.Is(r.err, net.ErrClosed) || pool.lent.Load() != 0 {
		t.Errorf("ReadReady after Close = %v, %d lent", r.err, pool.lent.Load())
	}
}
