package main

import (
	"context"
	"net"
	"runtime"
	"slices"

	"github.com/headrace-go/headrace/bench/internal/counts"
	"github.com/headrace-go/headrace/connpool"
)

var connpoolMeasurements = []measurement{
	{"connpool/getput", perCall(connGetPut)},
	{"connpool/idle", connIdle},
}

// dialed returns connections, and what closes their other ends.
func dialed(n int) (near []net.Conn, end func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer listener.Close()
	var far []net.Conn
	end = func() {
		for _, c := range far {
			c.Close()
		}
	}
	for range n {
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			end()
			return nil, nil, err
		}
		near = append(near, c)
		peer, err := listener.Accept()
		if err != nil {
			end()
			return nil, nil, err
		}
		far = append(far, peer)
	}
	return near, end, nil
}

// poolOf returns a pool that has the connections, idle.
func poolOf(near []net.Conn) (*connpool.Pool[string], error) {
	left := make(chan net.Conn, len(near))
	for _, c := range near {
		left <- c
	}
	pool, err := connpool.New(connpool.Config[string]{
		MaxIdle: len(near), MaxIdlePerKey: len(near), MaxDialsPerKey: len(near),
		Dial: func(context.Context, string) (net.Conn, error) { return <-left, nil },
	})
	if err != nil {
		return nil, err
	}
	if err := pool.Warm("origin", len(near)); err != nil {
		return nil, err
	}
	for pool.Stats().Idle < len(near) {
		runtime.Gosched()
	}
	return pool, pool.Warm("origin", 0)
}

func connGetPut() (func() error, func(), error) {
	near, end, err := dialed(1)
	if err != nil {
		return nil, nil, err
	}
	pool, err := poolOf(near)
	if err != nil {
		end()
		return nil, nil, err
	}
	ctx := context.Background()
	return func() error {
			c, err := pool.Get(ctx, "origin")
			if err != nil {
				return err
			}
			return c.Put()
		}, func() {
			_ = pool.Close(ctx)
			end()
		}, nil
}

// connIdle weighs idle connections against the same ones without a pool.
func connIdle(ctx context.Context) (map[string]float64, error) {
	const conns = 500
	near, end, err := dialed(conns)
	if err != nil {
		return nil, err
	}
	defer end()
	before := counts.Live()
	pool, err := poolOf(slices.Clone(near))
	if err != nil {
		return nil, err
	}
	grown := counts.Live().Since(before)
	if err := pool.Close(ctx); err != nil {
		return nil, err
	}
	return map[string]float64{
		"objects/conn":    float64(grown.Objects) / conns,
		"B/conn":          float64(grown.Bytes) / conns,
		"goroutines/conn": float64(grown.Goroutines-1) / conns, // the watcher's is the pool's
	}, nil
}
