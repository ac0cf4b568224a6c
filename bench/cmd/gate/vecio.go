package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/headrace-go/headrace/bench/internal/counts"
	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/vecio"
)

var vecioMeasurements = []measurement{
	{"vecio/relay/echo", perCall(relayEcho)},
	{"vecio/relay/idle", idleRelays},
	{"vecio/relay/parked", parkedRelays},
	{"vecio/relay/life", relayLife},
	{"vecio/relay/calls", relayCalls},
}

// A relayed pair: what is written to near arrives at far and back.
type relayed struct {
	near, far   net.Conn // held by the measurement
	left, right net.Conn // given to the relay
}

func newRelayed() (*relayed, error) {
	near, left, err := tcpPair()
	if err != nil {
		return nil, err
	}
	far, right, err := tcpPair()
	if err != nil {
		return nil, errors.Join(err, near.Close(), left.Close())
	}
	return &relayed{near, far, left, right}, nil
}

// start hands the inner ends to a relay, which closes them.
func (r *relayed) start(cfg vecio.RelayConfig, done func(vecio.RelayStats, error)) error {
	return vecio.Start(context.Background(), r.left, r.right, cfg, done)
}

// echo sends 64 bytes there and back.
func (r *relayed) echo(buffer []byte) error {
	for _, way := range [][2]net.Conn{{r.near, r.far}, {r.far, r.near}} {
		if _, err := way[0].Write(buffer); err != nil {
			return err
		}
		if _, err := io.ReadFull(way[1], buffer); err != nil {
			return err
		}
	}
	return nil
}

func (r *relayed) close() error { return errors.Join(r.near.Close(), r.far.Close()) }

func tcpPair() (dialed, accepted net.Conn, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer listener.Close()
	dialed, err = net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	accepted, err = listener.Accept()
	if err != nil {
		return nil, nil, errors.Join(err, dialed.Close())
	}
	return dialed, accepted, nil
}

// relayEcho counts what 64 bytes there and back allocate in a running relay.
func relayEcho() (func() error, func(), error) {
	r, err := newRelayed()
	if err != nil {
		return nil, nil, err
	}
	ended := make(chan struct{})
	if err := r.start(vecio.RelayConfig{}, func(vecio.RelayStats, error) { close(ended) }); err != nil {
		return nil, nil, err
	}
	buffer := make([]byte, 64)
	end := func() {
		r.close()
		<-ended
	}
	return func() error { return r.echo(buffer) }, end, nil
}

// idleRelays counts what a relay keeps alive while nothing moves.
func idleRelays(context.Context) (map[string]float64, error) {
	return keptByRelays(vecio.RelayConfig{}, func(int) error { return nil })
}

// parkedRelays counts the same after a Parker has taken the relays over.
func parkedRelays(ctx context.Context) (map[string]float64, error) {
	parker, err := vecio.NewParker()
	if err != nil {
		return nil, err
	}
	defer parker.Close()
	cfg := vecio.RelayConfig{Parker: parker, ParkAfter: time.Millisecond}
	return keptByRelays(cfg, func(relays int) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		for parker.Stats().Watched != 2*relays {
			select {
			case <-ctx.Done():
				return fmt.Errorf("%d of %d sockets parked: %w", parker.Stats().Watched, 2*relays, ctx.Err())
			case <-time.After(time.Millisecond):
			}
		}
		return nil
	})
}

// keptByRelays counts what a relay keeps alive after one round trip and after
// settled returned; the connections themselves were there before.
func keptByRelays(cfg vecio.RelayConfig, settled func(relays int) error) (map[string]float64, error) {
	const n = 200
	relays, err := manyRelayed(n + 1)
	defer closeAll(relays)
	if err != nil {
		return nil, err
	}
	// A pool would keep some buffers for the next one who asks, how many
	// depends on the moment. They are not the relays'.
	cfg.Pool = bufpool.None()
	ended := make(chan struct{}, n+1)
	done := func(vecio.RelayStats, error) { ended <- struct{}{} }
	buffer := make([]byte, 64)
	start := func(relays []*relayed, running int) error {
		for _, r := range relays {
			if err := r.start(cfg, done); err != nil {
				return err
			}
			if err := r.echo(buffer); err != nil {
				return err
			}
		}
		return settled(running)
	}
	// What the first relay leaves is the process's.
	if err := start(relays[:1], 1); err != nil {
		return nil, err
	}
	before := counts.Live()
	if err := start(relays[1:], n+1); err != nil {
		return nil, err
	}
	grown := counts.Live().Since(before)
	closeAll(relays)
	for range n + 1 {
		<-ended
	}
	return map[string]float64{
		"objects/relay":    float64(grown.Objects) / n,
		"B/relay":          float64(grown.Bytes) / n,
		"goroutines/relay": float64(grown.Goroutines) / n,
	}, nil
}

// relayLife counts what a relay allocates from its start to its end, with one
// round trip between.
func relayLife(context.Context) (map[string]float64, error) {
	const n = 10
	relays, err := manyRelayed(counts.Tries*n + 1) // Allocs makes one call more than it counts
	defer closeAll(relays)
	if err != nil {
		return nil, err
	}
	var failure error
	buffer := make([]byte, 64)
	ended := make(chan struct{})
	done := func(vecio.RelayStats, error) { ended <- struct{}{} }
	next := 0
	objects, bytes := counts.Allocs(n, func() {
		r := relays[next]
		next++
		err := r.start(vecio.RelayConfig{}, done)
		if err == nil {
			err = errors.Join(r.echo(buffer), r.close())
			<-ended
		}
		failure = errors.Join(failure, err)
	})
	return map[string]float64{"allocs/relay": objects, "B/relay": bytes}, failure
}

func manyRelayed(n int) ([]*relayed, error) {
	var relays []*relayed
	for range n {
		r, err := newRelayed()
		if err != nil {
			return relays, err
		}
		relays = append(relays, r)
	}
	return relays, nil
}

func closeAll(relays []*relayed) {
	for _, r := range relays {
		r.close()
	}
}
