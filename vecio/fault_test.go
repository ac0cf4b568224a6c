package vecio_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/vecio"
)

// abortable is a misbehaving in-memory end whose peer can see a reset.
type abortable struct {
	*faultconn.Conn
	end *faultconn.Endpoint
}

func (a *abortable) Abort() error {
	err := a.end.Reset()
	return errors.Join(err, a.Conn.Close())
}

func faultyLeg(plan faultconn.Plan) leg {
	outer, inner := faultconn.Pair(0)
	return leg{outer, &abortable{faultconn.Wrap(inner, plan), inner}}
}

// A verdict is what a peer has seen.
type verdict struct {
	data []byte
	err  error // nil is a clean end
}

// exchange sends up and down through a relay and returns what arrived.
func exchange(t *testing.T, a, b leg, cfg vecio.RelayConfig, up, down []byte) (atB, atA verdict, r result) {
	done := start(t, t.Context(), a, b, cfg)
	got := make(chan verdict, 1)
	read := func(c net.Conn) verdict {
		data, err := io.ReadAll(struct{ io.Reader }{c})
		return verdict{data, err}
	}
	go send(a.outer, up)
	go send(b.outer, down)
	go func() { got <- read(b.outer) }()
	atA = read(a.outer)
	atB = <-got
	r = <-done
	return atB, atA, r
}

// checkVerdict: what arrived is what was sent, from its beginning; and if it
// is not all, either the source had said that this is its end, or the peer
// was told by an error.
func checkVerdict(v verdict, sent []byte, relayErr error, endsEarly bool) error {
	switch {
	case !bytes.HasPrefix(sent, v.data):
		return fmt.Errorf("other bytes arrived: %d, not a beginning of the %d sent", len(v.data), len(sent))
	case len(v.data) == len(sent), endsEarly:
		return nil
	case relayErr == nil:
		return fmt.Errorf("%d of %d bytes arrived, and the relay says all is well", len(v.data), len(sent))
	case v.err == nil:
		return fmt.Errorf("%d of %d bytes arrived, and the peer saw a clean end", len(v.data), len(sent))
	}
	return nil
}

// TestRelayFaultAtEveryByte injects each fault at every byte of each
// direction of each end.
func TestRelayFaultAtEveryByte(t *testing.T) {
	up, down := random(40, 1), random(50, 2)
	for _, kind := range []faultconn.Kind{faultconn.Timeout, faultconn.End, faultconn.Reset, faultconn.Stall} {
		for where := range 4 {
			for after := range int64(50) {
				script := faultconn.Script{MaxBytes: 7, Faults: []faultconn.Fault{{After: after, Kind: kind}}}
				plans := [2]faultconn.Plan{}
				plan := &plans[where/2]
				if where%2 == 0 {
					plan.Read = script
				} else {
					plan.Write = script
				}
				synctest.Test(t, func(t *testing.T) {
					a, b := faultyLeg(plans[0]), faultyLeg(plans[1])
					cfg := vecio.RelayConfig{IdleTimeout: time.Minute}
					atB, atA, r := exchange(t, a, b, cfg, up, down)
					// A source that falls silent is cut by a clean close: it has
					// said nothing that was lost.
					early := (kind == faultconn.End || kind == faultconn.Stall) && where%2 == 0
					for _, err := range []error{
						checkVerdict(atB, up, r.err, early && where == 0),
						checkVerdict(atA, down, r.err, early && where == 2),
					} {
						if err != nil {
							t.Errorf("%v after %d, place %d: %v (relay: %v)", kind, after, where, err, r.err)
						}
					}
					if kind == faultconn.Stall && r.err != nil && r.err != vecio.ErrIdle {
						t.Errorf("stall after %d, place %d: %v, want ErrIdle or no error", after, where, r.err)
					}
				})
			}
		}
	}
}

// TestRelayInPieces: any cut of the stream into reads and writes is carried.
func TestRelayInPieces(t *testing.T) {
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		synctest.Test(t, func(t *testing.T) {
			up, down := random(rnd.IntN(100_000), seed), random(rnd.IntN(1000), seed+1)
			a := faultyLeg(faultconn.Draw(rnd.IntN, len(up)))
			b := faultyLeg(faultconn.Draw(rnd.IntN, len(down)))
			atB, atA, r := exchange(t, a, b, vecio.RelayConfig{}, up, down)
			if r.err != nil || !bytes.Equal(atB.data, up) || !bytes.Equal(atA.data, down) || atA.err != nil || atB.err != nil {
				t.Errorf("seed %d: %d of %d up, %d of %d down, %v, %v, %v", seed, len(atB.data), len(up), len(atA.data), len(down), atB.err, atA.err, r.err)
			}
		})
	}
}

// TestRelayResetAtRandomPoints resets sockets, with small buffers so that
// bytes are under way everywhere, at seeded points.
func TestRelayResetAtRandomPoints(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 30
	}
	names := []string{"tcp", "unix", "layered", "wrapped"}
	data := random(1<<20, 9)
	before := settledFiles(t)
	for i := range rounds {
		rnd := rand.New(rand.NewPCG(uint64(i), 7))
		a, b := parkableLeg(t, names[i%4]), parkableLeg(t, names[i/4%4])
		cfg := vecio.RelayConfig{}
		switch i % 3 {
		case 0:
			cfg.Parker, cfg.ParkAfter = newParker(t), time.Microsecond
		case 1:
			cfg = vecio.Portable(cfg)
		}
		point := rnd.IntN(len(data))
		if i%5 == 0 { // around a boundary of the relay's buffers
			point = min(len(data), max(0, 16<<10*(1+rnd.IntN(20))-1+rnd.IntN(3)))
		}
		done := start(t, t.Context(), a, b, cfg)
		go func() {
			a.outer.Write(data[:point])
			resetConn(a.outer)
		}()
		got, err := io.ReadAll(struct{ io.Reader }{b.outer})
		if !bytes.HasPrefix(data, got) {
			t.Fatalf("round %d: other bytes arrived", i)
		}
		b.outer.Close()
		r := <-done
		unix := names[i%4] == "unix" // has no reset: its close is an end
		if !unix && (r.err == nil || names[i/4%4] != "unix" && err == nil) {
			t.Fatalf("round %d: %d of %d bytes, then %v; relay %v", i, len(got), point, err, r.err)
		}
		if unix && r.err == nil && len(got) != point {
			t.Fatalf("round %d: %d of %d bytes, and no error", i, len(got), point)
		}
		a.outer.Close()
	}
	if after := settledFiles(t); after > before+rounds/3*2+8 { // the Parkers live until the test's end
		t.Errorf("%d files open before, %d after", before, after)
	}
}

func resetConn(c net.Conn) {
	switch c := c.(type) {
	case *net.TCPConn:
		c.SetLinger(0)
	case *xorConn:
		c.SetLinger(0)
	}
	c.Close()
}
