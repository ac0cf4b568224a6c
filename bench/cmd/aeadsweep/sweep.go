package main

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/headrace-go/headrace/internal/fused"
	"github.com/headrace-go/headrace/internal/suites"
)

// An operation is done with a, over and over: n bytes sealed in place, or
// opened into out.
type operation struct {
	name   string
	chunks bool
	do     func(a cipher.AEAD, out, sealed, nonce, additional []byte, n, times int) error
}

var operations = []operation{
	{"seal", false, func(a cipher.AEAD, out, _, nonce, additional []byte, n, times int) error {
		// One of several buffers in turn: sealed text that is at once sealed
		// again would be waited for.
		stride := n + a.Overhead() + 64
		stride -= stride % 64
		slots := max(1, min(16, len(out)/stride))
		for i := range times {
			text := out[i%slots*stride:][:n]
			a.Seal(text[:0], nonce, text, additional)
		}
		return nil
	}},
	{"open", false, func(a cipher.AEAD, out, sealed, nonce, additional []byte, n, times int) error {
		for range times {
			if _, err := a.Open(out[:0], nonce, sealed, additional); err != nil {
				return err
			}
		}
		return nil
	}},
	// A chunk of Shadowsocks in place: in one call, or two records.
	{"chunk", true, func(a cipher.AEAD, out, _, _, _ []byte, n, times int) error {
		nonces := make([]byte, 2*fused.NonceSize)
		chunks, ok := a.(fused.ChunkSealer)
		stride := n + fused.Overhead + 64
		stride -= stride % 64
		slots := max(1, min(16, len(out)/stride))
		for i := range times {
			chunk := out[i%slots*stride:]
			payload := chunk[fused.Headroom:][:n]
			if ok {
				chunks.SealChunk(chunk[:0], nonces, payload)
				continue
			}
			a.Seal(chunk[:0], nonces[:fused.NonceSize], chunk[:2], nil)
			a.Seal(payload[:0], nonces[fused.NonceSize:], payload, nil)
		}
		return nil
	}},
}

// chunkSizes are the payloads of chunks.
var chunkSizes = []int{2, 64, 350, 1350, 4096, 16383}

// sizes are the lengths: all short ones, and ever fewer of the others, by
// steps that are prime, so that all remainders occur.
func sizes() []int {
	var s []int
	for n := 0; n <= 64<<10; {
		s = append(s, n)
		switch {
		case n < 130:
			n++
		case n < 1000:
			n += 5
		case n < 4500:
			n += 29
		default:
			n += 1021
		}
	}
	s = append(s, 1350, 4096, 16384, 64<<10)
	slices.Sort(s)
	return slices.Compact(s)
}

// sweep returns the time of one operation, in nanoseconds, by implementation
// and size: the fastest of the rounds, in which all take turns. The standard
// library's comes first, twice.
func sweep(id suites.ID, op operation, sizes []int, rounds int) (times [][]float64, names []string, err error) {
	key := make([]byte, id.KeySize())
	all := suites.Default().Backends(id)
	others, std := all[:len(all)-1], all[len(all)-1]
	var impls []cipher.AEAD
	add := func(name string, newAEAD func([]byte) (cipher.AEAD, error)) {
		a, e := newAEAD(key)
		impls, names, err = append(impls, a), append(names, name), errors.Join(err, e)
	}
	add("std", std.New)
	add("std-again", std.New)
	for _, b := range others {
		if b.Unavailable == "" {
			add(b.Name, b.New)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	times = make([][]float64, len(impls))
	nonce, additional := make([]byte, impls[0].NonceSize()), make([]byte, 13)
	out := make([]byte, 64<<10+fused.Overhead)
	for _, n := range sizes {
		sealed := impls[0].Seal(nil, nonce, out[:n], additional)
		repeat := 30000/(n+300) + 1
		best := make([]float64, len(impls))
		for i := range best {
			best[i] = math.Inf(1)
		}
		for range rounds {
			for i, a := range impls {
				start := time.Now()
				if err := op.do(a, out, sealed, nonce, additional, n, repeat); err != nil {
					return nil, nil, fmt.Errorf("%s: %w", names[i], err)
				}
				best[i] = min(best[i], float64(time.Since(start).Nanoseconds())/float64(repeat))
			}
		}
		for i := range impls {
			times[i] = append(times[i], best[i])
		}
	}
	return times, names, nil
}
