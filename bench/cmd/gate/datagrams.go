package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"

	"github.com/headrace-go/headrace/bench/internal/counts"
	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/vecio"
)

var datagramMeasurements = []measurement{
	{"vecio/batch/1000", perCall(batchEcho)},
	{"vecio/batch/calls", batchCalls},
	{"vecio/flow/echo", perCall(flowEcho)},
	{"vecio/flow/idle", idleFlows},
}

// batchSize datagrams of 1000 bytes are as many as one message may have.
const batchSize = 64

func loopbackUDP() (*net.UDPConn, netip.AddrPort, error) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	return c, c.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}

func loopbackBatch() (*vecio.BatchConn, netip.AddrPort, error) {
	c, at, err := loopbackUDP()
	if err != nil {
		return nil, at, err
	}
	b, err := vecio.NewBatchConn(c, vecio.BatchConfig{})
	if err != nil {
		return nil, at, errors.Join(err, c.Close())
	}
	return b, at, nil
}

// datagramsTo returns n datagrams of 1000 bytes, and what to read answers into.
func datagramsTo(to netip.AddrPort, n int) (out, in []vecio.Datagram) {
	for range n {
		out = append(out, vecio.Datagram{Data: make([]byte, 1000), Addr: to})
	}
	in = make([]vecio.Datagram, 8)
	for i := range in {
		in[i].Buf = make([]byte, 1<<16)
	}
	return out, in
}

// receive reads n datagrams.
func receive(c *vecio.BatchConn, in []vecio.Datagram, n int) error {
	for n > 0 {
		k, err := c.ReadBatch(in)
		if err != nil {
			return err
		}
		for i := range in[:k] {
			n -= in[i].Count()
		}
	}
	return nil
}

// A batchPair sends a batch and reads it.
type batchPair struct {
	from, to *vecio.BatchConn
	out, in  []vecio.Datagram
}

func newBatchPair() (*batchPair, error) {
	from, _, err := loopbackBatch()
	if err != nil {
		return nil, err
	}
	to, at, err := loopbackBatch()
	if err != nil {
		return nil, errors.Join(err, from.Close())
	}
	p := &batchPair{from: from, to: to}
	p.out, p.in = datagramsTo(at, batchSize)
	return p, nil
}

func (p *batchPair) move() error {
	if _, err := p.from.WriteBatch(p.out); err != nil {
		return err
	}
	return receive(p.to, p.in, batchSize)
}

func (p *batchPair) close() { _, _ = p.from.Close(), p.to.Close() }

// batchEcho counts what a batch that is sent and read allocates.
func batchEcho() (func() error, func(), error) {
	p, err := newBatchPair()
	if err != nil {
		return nil, nil, err
	}
	return p.move, p.close, nil
}

// batchCalls counts the system calls that move a batch, both ends together.
func batchCalls(context.Context) (map[string]float64, error) {
	const n = 100
	p, err := newBatchPair()
	if err != nil {
		return nil, err
	}
	defer p.close()
	for range n {
		if err := p.move(); err != nil {
			return nil, err
		}
	}
	return map[string]float64{"calls/batch": float64(p.from.Stats().Writes+p.to.Stats().Reads) / n}, nil
}

// flowEcho counts what a batch allocates that goes through a table to a target
// and back.
func flowEcho() (func() error, func(), error) {
	target, at, err := loopbackBatch()
	if err != nil {
		return nil, nil, err
	}
	echo := vecio.Receive(target, vecio.ReceiverConfig{Handle: func(ms []vecio.Datagram) {
		_, _ = target.WriteBatch(ms) // a loss stops the measurement
	}})
	clients, table, err := newTable(vecio.FlowTableConfig{
		Open: func(netip.AddrPort) (*net.UDPConn, error) {
			return net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(at))
		},
	})
	if err != nil {
		return nil, nil, errors.Join(err, echo.Close())
	}
	client, _, err := loopbackBatch()
	if err != nil {
		return nil, nil, errors.Join(err, echo.Close(), table.Close())
	}
	out, in := datagramsTo(clients, batchSize/2)
	move := func() error {
		if _, err := client.WriteBatch(out); err != nil {
			return err
		}
		return receive(client, in, len(out))
	}
	end := func() { _, _, _ = client.Close(), table.Close(), echo.Close() }
	return move, end, nil
}

func newTable(cfg vecio.FlowTableConfig) (netip.AddrPort, *vecio.FlowTable, error) {
	c, at, err := loopbackBatch()
	if err != nil {
		return at, nil, err
	}
	table, err := vecio.NewFlowTable(c, cfg)
	if err != nil {
		return at, nil, errors.Join(err, c.Close())
	}
	return at, table, nil
}

// idleFlows counts what a flow keeps alive while nothing moves.
func idleFlows(ctx context.Context) (map[string]float64, error) {
	const n = 200
	parker, err := vecio.NewParker()
	if err != nil {
		return nil, err
	}
	defer parker.Close()
	nowhere, at, err := loopbackUDP() // takes what comes, and says nothing
	if err != nil {
		return nil, err
	}
	defer nowhere.Close()
	clients, table, err := newTable(vecio.FlowTableConfig{
		Parker: parker,
		Pool:   bufpool.None(),
		Open: func(netip.AddrPort) (*net.UDPConn, error) {
			return net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(at))
		},
	})
	if err != nil {
		return nil, err
	}
	defer table.Close()
	var sockets []*net.UDPConn
	for range n + 1 {
		c, _, err := loopbackUDP()
		if err != nil {
			return nil, err
		}
		defer c.Close()
		sockets = append(sockets, c)
	}
	open := func(sockets []*net.UDPConn, flows int64) error {
		for _, c := range sockets {
			if _, err := c.WriteToUDPAddrPort(nil, clients); err != nil {
				return err
			}
		}
		for table.Stats().Up.Datagrams != flows && ctx.Err() == nil {
			runtime.Gosched()
		}
		return ctx.Err()
	}
	if err := open(sockets[:1], 1); err != nil { // what the first one leaves is the process's
		return nil, err
	}
	before := counts.Live()
	if err := open(sockets[1:], n+1); err != nil {
		return nil, err
	}
	grown := counts.Live().Since(before)
	return map[string]float64{
		"objects/flow":    float64(grown.Objects) / n,
		"B/flow":          float64(grown.Bytes) / n,
		"goroutines/flow": float64(grown.Goroutines) / n,
	}, nil
}
