package vecio_test

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/headrace-go/headrace/vecio"
)

func client(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(i >> 16), byte(i >> 8), byte(i)}), 1000)
}

// indexModel is a flowIndex that looks at every flow for everything.
type indexModel struct {
	max   int
	flows map[netip.AddrPort]*modelFlow
	clock int // orders uses at one time
}

type modelFlow struct {
	used, order int
	answered    bool
}

func (m *indexModel) use(c netip.AddrPort, now int) {
	m.clock++
	m.flows[c].used, m.flows[c].order = now, m.clock
}

// last returns the flow that was used first among those that f takes.
func (m *indexModel) last(take func(*modelFlow) bool) (c netip.AddrPort, n int) {
	for k, f := range m.flows {
		if take(f) {
			if n++; n == 1 || f.order < m.flows[c].order {
				c = k
			}
		}
	}
	return c, n
}

func (m *indexModel) victim() netip.AddrPort {
	unanswered, n := m.last(func(f *modelFlow) bool { return !f.answered })
	answered, k := m.last(func(f *modelFlow) bool { return f.answered })
	if k == 0 || n > 0 && n >= m.max/4 {
		return unanswered
	}
	return answered
}

func TestFlowIndexModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 12).Draw(t, "max")
		x, m := vecio.NewIndex(limit), &indexModel{max: limit, flows: map[netip.AddrPort]*modelFlow{}}
		now := 0
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			c := client(rapid.IntRange(0, 2*limit).Draw(t, "client"))
			_, known := m.flows[c]
			now += rapid.IntRange(0, 3).Draw(t, "later")
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0, 1:
				if got := x.Find(c, int64(now)); got != known {
					t.Fatalf("find(%v) = %v, want %v", c, got, known)
				}
				if known {
					m.use(c, now)
					break
				}
				var want netip.AddrPort
				if len(m.flows) == limit {
					want = m.victim()
					delete(m.flows, want)
				}
				m.flows[c] = new(modelFlow)
				m.use(c, now)
				if got := x.Add(c, int64(now)); got != want {
					t.Fatalf("add(%v) evicts %v, want %v", c, got, want)
				}
			case 2, 3:
				if known {
					x.Answer(c, int64(now))
					m.flows[c].answered = true
					m.use(c, now)
				}
			case 4:
				if got := x.Remove(c); got != known {
					t.Fatalf("remove(%v) = %v, want %v", c, got, known)
				}
				delete(m.flows, c)
			case 5:
				before := now - rapid.IntRange(0, 10).Draw(t, "idle")
				want := 0
				for _, f := range m.flows {
					if f.used <= before {
						want++
					}
				}
				for c, ok := x.Idle(int64(before)); ok; c, ok = x.Idle(int64(before)) {
					if m.flows[c] == nil || m.flows[c].used > before {
						t.Fatalf("%v is not idle since %d", c, before)
					}
					delete(m.flows, c)
					want--
				}
				if want != 0 {
					t.Fatalf("%d idle flows were not found", want)
				}
			}
			if x.Len() != len(m.flows) || x.Len() > limit {
				t.Fatalf("%d flows, want %d, at most %d", x.Len(), len(m.flows), limit)
			}
			used, ok := x.Oldest()
			first, n := m.last(func(*modelFlow) bool { return true })
			if ok != (n > 0) || ok && used != int64(m.flows[first].used) {
				t.Fatalf("oldest: %d, %v, want %d", used, ok, m.flows[first].used)
			}
		}
	})
}
