package aead_test

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/headrace-go/headrace/aead"
)

// BenchmarkChunkStream moves bytes as a proxy's two halves do: sealed into one
// loopback TCP connection, opened from it into another. The naive
// implementation is what most proxies have: a chunk, a read, a write. The
// seconds of processor per GB are those of all four ends, system calls included.
func BenchmarkChunkStream(b *testing.B) {
	for _, suite := range []aead.Suite{aead.AES256GCM, aead.ChaCha20Poly1305} {
		for _, impl := range []string{"ours", "naive"} {
			for _, size := range []int{1350, 16 << 10, 256 << 10} {
				b.Run(fmt.Sprintf("suite=%v/impl=%s/size=%d", suite, impl, size), func(b *testing.B) {
					benchmarkStream(b, suite, impl, size)
				})
			}
		}
	}
}

func benchmarkStream(b *testing.B, suite aead.Suite, impl string, size int) {
	a := mustAEAD(b, suite)
	in, out := tcpPair(b)
	target, far := tcpPair(b)
	var w io.Writer
	var drain func() (int64, error)
	if impl == "ours" {
		w = mustWriter(b, in, chunkConfig(a, nil))
		r := mustReader(b, out, chunkConfig(a, nil))
		drain = func() (int64, error) { return r.WriteTo(target) }
	} else {
		w = &naiveWriter{dst: in, aead: a, nonce: newTwinNonce(a)}
		drain = func() (int64, error) { return naiveDrain(target, out, a) }
	}
	done := make(chan error, 2)
	go func() {
		n, err := drain()
		if err == nil && n%int64(size) != 0 {
			err = fmt.Errorf("%d bytes arrived", n)
		}
		_ = target.CloseWrite()
		done <- err
	}()
	go func() {
		var err error
		for buf := make([]byte, 256<<10); err == nil; {
			_, err = far.Read(buf)
		}
		if err == io.EOF {
			err = nil
		}
		done <- err
	}()
	p := make([]byte, size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	before := processorTime()
	for b.Loop() {
		if _, err := w.Write(p); err != nil {
			b.Fatal(err)
		}
	}
	_ = in.CloseWrite()
	for range 2 {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	if used := processorTime() - before; used > 0 {
		b.ReportMetric(used.Seconds()/(float64(size)*float64(b.N)/1e9), "cpu-s/GB")
	}
}

// A naiveWriter seals and writes one chunk at a time.
type naiveWriter struct {
	dst   io.Writer
	aead  cipher.AEAD
	nonce twinNonce
	buf   []byte
	head  [2]byte
}

func (w *naiveWriter) Write(p []byte) (int, error) {
	for n := 0; n < len(p); {
		chunk := p[n:min(n+0x3FFF, len(p))]
		binary.BigEndian.PutUint16(w.head[:], uint16(len(chunk)))
		w.buf = w.aead.Seal(w.buf[:0], w.nonce, w.head[:], nil)
		w.nonce.increment()
		w.buf = w.aead.Seal(w.buf, w.nonce, chunk, nil)
		w.nonce.increment()
		if _, err := w.dst.Write(w.buf); err != nil {
			return n, err
		}
		n += len(chunk)
	}
	return len(p), nil
}

// naiveDrain reads and opens one chunk at a time.
func naiveDrain(dst io.Writer, src io.Reader, a cipher.AEAD) (int64, error) {
	nonce := newTwinNonce(a)
	buf := make([]byte, 0x3FFF+16)
	var total int64
	for {
		if _, err := io.ReadFull(src, buf[:18]); err == io.EOF {
			return total, nil
		} else if err != nil {
			return total, err
		}
		length, err := a.Open(buf[:0], nonce, buf[:18], nil)
		if err != nil {
			return total, err
		}
		nonce.increment()
		n := int(binary.BigEndian.Uint16(length))
		if _, err := io.ReadFull(src, buf[:n+16]); err != nil {
			return total, err
		}
		if _, err := a.Open(buf[:0], nonce, buf[:n+16], nil); err != nil {
			return total, err
		}
		nonce.increment()
		k, err := dst.Write(buf[:n])
		total += int64(k)
		if err != nil {
			return total, err
		}
	}
}
