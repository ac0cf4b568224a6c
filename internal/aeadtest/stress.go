package aeadtest

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/internal/fused"
)

// checkConcurrency: one AEAD in many goroutines, which are preempted, whose
// stacks grow in the middle, and whose buffers are collected.
func checkConcurrency(s *subject) error {
	src := newSource(13)
	p, err := s.pair(src.bytes(s.suite.KeySize))
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	var collector sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	const workers = 8
	errs := make(chan error, workers)
	for w := range workers {
		go func() { errs <- p.stress(newSource(uint64(100 + w))) }()
	}
	for range workers {
		if e := <-errs; e != nil && err == nil {
			err = e
		}
	}
	close(stop)
	collector.Wait()
	return err
}

func (p pair) stress(src source) error {
	for round := range 60 {
		n := []int{0, 2, 64, 350, 1350, 5000, 16383, 60000}[round%8]
		nonce, plain := src.bytes(p.want.NonceSize()), src.bytes(n)
		want := p.want.Seal(nil, nonce, plain, nonce[:5])
		var got []byte
		deepen(round%50, func() { got = p.got.Seal(nil, nonce, plain, nonce[:5]) })
		if !bytes.Equal(got, want) {
			return fmt.Errorf("its Seal of %d bytes is wrong beside others", n)
		}
		got, err := p.got.Open(got[:0], nonce, got, nonce[:5])
		if err != nil || !bytes.Equal(got, plain) {
			return fmt.Errorf("its Open of %d bytes is wrong beside others: %v", n, err)
		}
		runtime.Gosched()
	}
	return nil
}

// deepen calls f with much stack in use, so that it may have to grow there.
//
//go:noinline
func deepen(depth int, f func()) byte {
	var frame [512]byte
	if depth == 0 {
		f()
		return frame[0]
	}
	frame[depth] = deepen(depth-1, f)
	return frame[depth]
}

// checkAllocs: an AEAD allocates no more than its reference, which mostly is
// nothing, and a chunk in one call nothing.
func checkAllocs(s *subject) error {
	p, err := s.pair(make([]byte, s.suite.KeySize))
	if err != nil {
		return err
	}
	nonce := make([]byte, s.suite.NonceSize)
	buf := make([]byte, 20000)
	sealer, opener := fusedOf(p)
	for _, n := range []int{0, 1, 64, 350, 1350, 16383} {
		record := p.want.Seal(nil, nonce, buf[:n], nonce)
		count := func(f func()) float64 { return testing.AllocsPerRun(20, f) }
		seal := func(a interface {
			Seal(_, _, _, _ []byte) []byte
		}) float64 {
			return count(func() { a.Seal(buf[:0], nonce, buf[:n], nonce) })
		}
		open := func(a interface {
			Open(_, _, _, _ []byte) ([]byte, error)
		}) float64 {
			return count(func() { _, _ = a.Open(buf[:0], nonce, record, nonce) })
		}
		if got, most := seal(p.got), seal(p.want); got > most {
			return fmt.Errorf("its Seal of %d bytes allocates %v times, the reference %v", n, got, most)
		}
		if got, most := open(p.got), open(p.want); got > most {
			return fmt.Errorf("its Open of %d bytes allocates %v times, the reference %v", n, got, most)
		}
		record[0] ^= 1
		if got, most := open(p.got), open(p.want); got > most {
			return fmt.Errorf("a failed Open of %d bytes allocates %v times, the reference %v", n, got, most)
		}
		nonces := make([]byte, 2*fused.NonceSize)
		if sealer != nil {
			if got := count(func() { sealer.SealChunk(buf[:0], nonces, buf[fused.Headroom:fused.Headroom+n]) }); got > 0 {
				return fmt.Errorf("its SealChunk of %d bytes allocates %v times", n, got)
			}
		}
		if opener != nil {
			chunk := p.twoCalls(nonces, make([]byte, n))
			if got := count(func() { _, _, _ = opener.OpenChunk(buf[:0], nonces, chunk, n) }); got > 0 {
				return fmt.Errorf("its OpenChunk of %d bytes allocates %v times", n, got)
			}
		}
	}
	return nil
}
