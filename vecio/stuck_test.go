package vecio_test

import (
	"context"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/internal/slab"
	"github.com/headrace-go/headrace/vecio"
)

// lentBytes is a Pool that knows how many bytes it has lent.
type lentBytes struct {
	mu   sync.Mutex
	lent map[*byte]int
	sum  int
}

func (l *lentBytes) Get(n int) []byte {
	b := slab.Default().Get(n)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lent[&b[0]] = n
	l.sum += n
	return b
}

func (l *lentBytes) Put(b []byte) {
	b = b[:cap(b)]
	l.mu.Lock()
	l.sum -= l.lent[&b[0]]
	delete(l.lent, &b[0])
	l.mu.Unlock()
	slab.Default().Put(b)
}

func (l *lentBytes) bytes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sum
}

// A grant is a Budget that grants up to limit.
type grant struct {
	mu          sync.Mutex
	used, limit int
}

func (b *grant) TryReserve(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > b.limit {
		return false
	}
	b.used += n
	return true
}

func (b *grant) Release(n int) {
	b.mu.Lock()
	b.used -= n
	b.mu.Unlock()
}

// TestStuckRelayHoldsLittle: both peers send all that finds room, and neither
// reads. What the relay then holds is 4 KiB in each direction, 16 KiB out of a
// layer, and what the budget grants.
func TestStuckRelayHoldsLittle(t *testing.T) {
	for _, tt := range []struct {
		a, b         string
		limit, bound int
	}{
		{"tcp", "tcp", 0, 2 * 4 << 10},
		{"unix", "tcp", 0, 2 * 4 << 10},
		{"wrapped", "unix", 0, 2 * 4 << 10},
		{"tcp", "tcp", 100 << 10, 2*4<<10 + 100<<10},
		{"layered", "tcp", 0, (4 + 16) << 10},
	} {
		t.Run(tt.a+"-"+tt.b, func(t *testing.T) {
			a, b := parkableLeg(t, tt.a), parkableLeg(t, tt.b)
			l := &lentBytes{lent: map[*byte]int{}}
			granted := &grant{limit: tt.limit}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := start(t, ctx, a, b, vecio.RelayConfig{Pool: l, Budget: granted, NoSplice: true})
			data := make([]byte, 1<<20)
			for quiet := 0; quiet < 2; {
				if fillUp(t, a.outer, data)+fillUp(t, b.outer, data) == 0 {
					quiet++
				} else {
					quiet = 0
				}
			}
			held := l.bytes()
			t.Logf("%d bytes held", held)
			if held > tt.bound {
				t.Errorf("a stuck relay holds %d bytes, want %d at most", held, tt.bound)
			}
			cancel()
			<-done
			if held := l.bytes(); held != 0 || granted.used != 0 {
				t.Errorf("%d bytes held and %d reserved after the end", held, granted.used)
			}
		})
	}
}
