package h2mux_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/headrace-go/headrace/mux/h2mux"
)

// A flow is what the model knows of a stream.
type flow struct {
	*h2mux.Flow
	id           uint32
	urgency      int
	left, credit int
	waited       int // bytes of its urgency that others have sent since it could
	steady       int // bytes that it has sent while it always could
}

func (f *flow) can() bool { return f.left > 0 && f.credit > 0 }

// A schedule is a scheduler beside a model of it.
type schedule struct {
	h2mux.Scheduler
	flows []*flow
	ids   uint32
}

func (s *schedule) add(urgency int) *flow {
	s.ids++
	f := &flow{Flow: s.Add(s.ids, urgency), id: s.ids, urgency: urgency}
	s.flows = append(s.flows, f)
	return f
}

func (s *schedule) change(f *flow, left, credit int) {
	could := f.can()
	f.left += left
	f.credit += credit
	s.Change(f.Flow, left, credit)
	if f.can() != could {
		s.restart(f)
	}
}

// restart compares f with others anew, which begins or ceases to send.
func (s *schedule) restart(f *flow) {
	f.waited = 0
	for _, other := range s.flows {
		if other.urgency == f.urgency {
			other.steady = 0
		}
	}
}

// slack is what two streams that could always send may differ by: a turn before
// the other's, the debt of having been alone, and a turn that is under way, of
// which too little may have been left to go on with.
const slack = 3*h2mux.Quantum + h2mux.LeastTurn

// send sends one frame and checks that it was the right one's turn.
func (s *schedule) send(t *rapid.T, limit int) {
	var can []*flow
	for _, f := range s.flows {
		if f.can() && (can == nil || f.urgency <= can[0].urgency) {
			if can != nil && f.urgency < can[0].urgency {
				can = can[:0]
			}
			can = append(can, f)
		}
	}
	id, n := s.Send(limit)
	if can == nil {
		if id != 0 {
			t.Fatalf("stream %d sends %d bytes, and none can", id, n)
		}
		return
	}
	var sent *flow
	for _, f := range can {
		if f.id == id {
			sent = f
		}
	}
	if sent == nil {
		t.Fatalf("stream %d sends %d bytes, and %d of urgency %d can", id, n, len(can), can[0].urgency)
	}
	if n <= 0 || n > min(limit, sent.left, sent.credit) {
		t.Fatalf("stream %d sends %d bytes, limit %d, left %d, credit %d", id, n, limit, sent.left, sent.credit)
	}
	sent.left -= n
	sent.credit -= n
	sent.waited = 0
	for _, f := range can {
		if f != sent {
			if f.waited += n; f.waited > slack*len(s.flows) {
				t.Fatalf("stream %d of %d has waited for %d bytes", f.id, len(s.flows), f.waited)
			}
		}
	}
	if len(can) > 1 {
		sent.steady += n
	}
	for _, f := range can {
		if f != sent && sent.can() && sent.steady-f.steady > slack {
			t.Fatalf("stream %d has sent %d bytes, and stream %d, which could always, %d", sent.id, sent.steady, f.id, f.steady)
		}
	}
	if !sent.can() {
		s.restart(sent)
	}
}

// TestSchedulerModel: the most urgent send first. Among them bytes are shared
// equally, whatever the length of writes and frames is, and nobody waits for
// more than a few turns of all others.
func TestSchedulerModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s schedule
		urgencies := rapid.IntRange(1, 8).Draw(t, "urgencies")
		for range rapid.IntRange(1, 12).Draw(t, "streams") {
			s.add(rapid.IntRange(0, urgencies-1).Draw(t, "urgency"))
		}
		one := func() *flow { return rapid.SampledFrom(s.flows).Draw(t, "stream") }
		size := rapid.OneOf(rapid.IntRange(1, 100), rapid.IntRange(1, 200<<10))
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) { s.change(one(), size.Draw(t, "bytes"), 0) },
			"grant": func(t *rapid.T) { s.change(one(), 0, size.Draw(t, "bytes")) },
			"bulk": func(t *rapid.T) {
				for _, f := range s.flows {
					s.change(f, 1<<20, 1<<20)
				}
			},
			"give up": func(*rapid.T) { f := one(); s.change(f, -f.left, 0) },
			"revoke":  func(t *rapid.T) { s.change(one(), 0, -size.Draw(t, "bytes")) },
			"move": func(*rapid.T) {
				f := one()
				to := rapid.IntRange(0, urgencies-1).Draw(t, "to")
				for _, other := range s.flows {
					if other.urgency == f.urgency || other.urgency == to {
						other.steady, other.waited = 0, 0
					}
				}
				f.urgency = to
				s.Move(f.Flow, to)
			},
			"drop": func(*rapid.T) {
				f := one()
				s.change(f, -f.left, 0)
				s.Drop(f.Flow)
			},
			"send": func(t *rapid.T) {
				for range rapid.IntRange(1, 100).Draw(t, "frames") {
					s.send(t, rapid.IntRange(1, 128<<10).Draw(t, "limit"))
				}
			},
			"": func(t *rapid.T) {
				can := 0
				for _, f := range s.flows {
					if f.can() {
						can++
					}
				}
				if can != s.Sendable() {
					t.Fatalf("%d streams can send, %d are counted", can, s.Sendable())
				}
			},
		})
	})
}

// TestSchedulerSparse: a stream that has been idle sends before those that are
// busy, within their urgency, and stopping and starting wins no more than a
// share.
func TestSchedulerSparse(t *testing.T) {
	const bulk, all = 8, 64 << 20
	var s schedule
	busy := make([]*flow, bulk)
	for i := range busy {
		busy[i] = s.add(3)
		s.change(busy[i], all, all)
	}
	for range 100 {
		s.Send(16 << 10)
	}
	sparse := s.add(3)
	for i := range 100 {
		s.change(sparse, 100, 100)
		if id, n := s.Send(16 << 10); id != sparse.id || n != 100 {
			t.Fatalf("message %d: stream %d sends %d bytes before the sparse one", i, id, n)
		}
		for range 2 * bulk { // more than a turn of each
			s.Send(16 << 10)
		}
	}
	// One that stops behind every write, and is back before anybody else sends.
	greedy := s.add(3)
	sent := map[uint32]int{}
	for range 10_000 {
		s.Change(greedy.Flow, 4<<10, 4<<10)
		id, n := s.Send(16 << 10)
		sent[id] += n
	}
	for _, f := range busy {
		if most := sent[f.id] + slack; sent[greedy.id] > most {
			t.Errorf("the stream that stops and starts sent %d bytes, a busy one %d", sent[greedy.id], sent[f.id])
		}
	}
}
