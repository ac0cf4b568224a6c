package h2mux_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"

	"golang.org/x/net/http2"

	"github.com/headrace-go/headrace/mux/h2mux"
)

// window is the connection's, before any update.
const window = 65535

// A turn is a frame of DATA.
type turn struct {
	id uint32
	n  int
}

// turns returns what DATA has come since the last call, and is called when
// nothing moves.
func (p *peer) turns() (all []turn) {
	for {
		select {
		case f := <-p.frames:
			if d, ok := f.(*http2.DataFrame); ok && d.Length > 0 {
				all = append(all, turn{d.StreamID, int(d.Length)})
			}
		default:
			return all
		}
	}
}

// order returns the streams of turns, each once, and fails unless each has its
// bytes in a row.
func order(t *testing.T, turns []turn) (ids []uint32) {
	t.Helper()
	for _, turn := range turns {
		if len(ids) > 0 && ids[len(ids)-1] == turn.id {
			continue
		}
		if slices.Contains(ids, turn.id) {
			t.Errorf("the turns of stream %d are not in a row: %v", turn.id, turns)
		}
		ids = append(ids, turn.id)
	}
	return ids
}

// crowd is a server whose peer has opened streams, and has no credit left for
// any: what they write waits.
func crowd(t *testing.T, streams int, fields ...string) (*peer, []*h2mux.Stream) {
	t.Helper()
	p, s := newPeer(t, h2mux.Config{KeepAlive: -1})
	all := make([]*h2mux.Stream, streams)
	for i := range all {
		var more []string
		if i < len(fields) && fields[i] != "" {
			more = []string{"priority", fields[i]}
		}
		p.connect(uint32(2*i+1), more...)
		st, err := s.AcceptStream(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		all[i] = st
	}
	p.check(p.framer.WriteWindowUpdate(1, 1<<20))
	if _, err := all[0].Write(make([]byte, window)); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	p.turns()
	return p, all
}

// write has n bytes wait to be sent, until the stream is closed.
func write(t *testing.T, st *h2mux.Stream, n int) {
	go func() {
		if _, err := st.Write(make([]byte, n)); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write: %v", err)
		}
	}()
	synctest.Wait()
}

// TestUrgency: streams are sent in the order of their urgency, as it was given
// by a header field, by PRIORITY_UPDATE, or here.
func TestUrgency(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fields []string
		change func(p *peer, streams []*h2mux.Stream)
		want   []uint32
	}{
		{"Header", []string{"u=5", "i, u=1", "", "u=0"}, nil, []uint32{7, 3, 5, 1}},
		{"Update", nil, func(p *peer, _ []*h2mux.Stream) {
			p.update(1, "u=7")
			p.update(5, "u=2,i")
			p.update(7, "u=1")
		}, []uint32{7, 5, 3, 1}},
		{"UpdateTwice", []string{"u=0"}, func(p *peer, _ []*h2mux.Stream) {
			p.update(1, "u=1")
			p.update(1, "u=6")
			p.update(3, "u=1")
			p.update(5, "u=5")
		}, []uint32{3, 7, 5, 1}},
		{"SetPriority", nil, func(p *peer, streams []*h2mux.Stream) {
			for i, urgency := range []int{4, 2, 7, 0} {
				p.check(streams[i].SetPriority(urgency))
			}
		}, []uint32{7, 3, 1, 5}},
		{"UpdateOfStrangers", []string{"u=1", "u=2", "u=4", "u=0"}, func(p *peer, _ []*h2mux.Stream) {
			p.update(99, "u=0")     // no stream yet, or never
			p.update(7, "u=9, u, ") // no urgency: the default
		}, []uint32{1, 3, 7, 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, streams := crowd(t, 4, tt.fields...)
				for _, st := range streams {
					write(t, st, 40_000)
				}
				if tt.change != nil {
					tt.change(p, streams)
				}
				synctest.Wait()
				for range 4 { // several times, so that it is not one batch's order alone
					p.check(p.framer.WriteWindowUpdate(0, 40_000))
					synctest.Wait()
				}
				if got := order(t, p.turns()); !slices.Equal(got, tt.want) {
					t.Errorf("the streams are sent in the order %v, want %v", got, tt.want)
				}
			})
		})
	}
}

// update sends PRIORITY_UPDATE.
func (p *peer) update(id uint32, value string) {
	p.t.Helper()
	payload := append([]byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}, value...)
	p.check(p.framer.WriteRawFrame(0x10, 0, 0, payload))
}

// TestPriorityIsTold: a client tells the server of an urgency, with the request
// if it can, and by PRIORITY_UPDATE later.
func TestPriorityIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := newServer(t, h2mux.Config{KeepAlive: -1})
		st, err := s.OpenRequest(context.Background(), h2mux.Request{})
		if err != nil {
			t.Fatal(err)
		}
		p.check(st.SetPriority(1))
		write(t, st, 1)
		p.check(st.SetPriority(1)) // nothing new
		p.check(st.SetPriority(6))
		if err := st.SetPriority(8); err == nil {
			t.Error("an urgency of 8 is accepted")
		}
		synctest.Wait()
		var told []string
		for len(p.frames) > 0 {
			switch f := (<-p.frames).(type) {
			case *http2.MetaHeadersFrame:
				for _, field := range f.RegularFields() {
					told = append(told, field.Name+": "+field.Value)
				}
			case *http2.PriorityUpdateFrame:
				told = append(told, fmt.Sprint("update of ", f.PrioritizedStreamID, ": ", f.Priority))
			}
		}
		if want := []string{"priority: u=1", "update of 1: u=6"}; !slices.Equal(told, want) {
			t.Errorf("the server is told %q, want %q", told, want)
		}
	})
}

// TestSparseFirst: what a stream sends that was idle goes before what others
// wait to get rid of, and they share what is left.
func TestSparseFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bulk = 4
		p, streams := crowd(t, bulk+1)
		for _, st := range streams[:bulk] {
			p.check(p.framer.WriteWindowUpdate(st.ID(), 1<<20))
			write(t, st, 1<<20)
		}
		sparse := streams[bulk]
		sent := map[uint32]int{}
		count := func(turns []turn) {
			for _, turn := range turns {
				sent[turn.id] += turn.n
			}
		}
		for range 20 {
			p.check(p.framer.WriteWindowUpdate(0, 4*16384))
			synctest.Wait()
			count(p.turns())
			write(t, sparse, 64)
			p.check(p.framer.WriteWindowUpdate(0, 1000))
			synctest.Wait()
			turns := p.turns()
			if len(turns) == 0 || turns[0] != (turn{sparse.ID(), 64}) {
				t.Fatalf("the turns are %v, want the idle stream %d first", turns, sparse.ID())
			}
			count(turns)
		}
		for _, st := range streams[:bulk] {
			if n := sent[st.ID()] - sent[1]; n < -32<<10 || n > 32<<10 {
				t.Errorf("stream %d has sent %d bytes, stream 1 %d", st.ID(), sent[st.ID()], sent[1])
			}
		}
	})
}
