package aead_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/headrace-go/headrace/aead"
)

// writers are the ways to write a stream.
var writers = map[string]func(w *aead.ChunkWriter, p []byte) (int64, error){
	"Write": func(w *aead.ChunkWriter, p []byte) (int64, error) {
		n, err := w.Write(p)
		return int64(n), err
	},
	"Writev": func(w *aead.ChunkWriter, p []byte) (int64, error) {
		return w.Writev(cut(p, 0, 1, 0, 100, 5000, 20000, 0, 3))
	},
	"ReadFrom": func(w *aead.ChunkWriter, p []byte) (int64, error) {
		return w.ReadFrom(newScript(p, 0, 1, 5000, 20000, 3))
	},
	"ReadFromScatter": func(w *aead.ChunkWriter, p []byte) (int64, error) {
		return w.ReadFrom(&scatter{script: newScript(p, 1, 70000, 3)})
	},
}

// A scatter is a script with Readv.
type scatter struct{ *script }

func (s *scatter) Readv(bufs [][]byte) (int, error) {
	room := 0
	for _, b := range bufs {
		room += len(b)
	}
	p := make([]byte, room)
	n, err := s.Read(p)
	p = p[:n]
	for _, b := range bufs {
		p = p[copy(b, p):]
	}
	return n, err
}

func TestWriterMatchesTwin(t *testing.T) {
	prefix := randomBytes(99, 32)
	for _, suite := range []aead.Suite{aead.AES256GCM, aead.ChaCha20Poly1305} {
		a := mustAEAD(t, suite)
		for name, write := range writers {
			for _, limit := range []int{1 << 30, 0} { // of the budget
				l := newLedger()
				l.limit = limit
				cfg := chunkConfig(a, l)
				seals := 0
				open := cfg.Seal
				cfg.Seal = func() ([]byte, *aead.Sealer, error) {
					seals++
					_, s, err := open()
					return prefix, s, err
				}
				q := &quitter{room: 1 << 30}
				w := mustWriter(t, q, cfg)
				var want []byte
				for i, n := range append(payloadLengths(), 1<<20) {
					p := randomBytes(uint64(i), n)
					before := bytes.Clone(p)
					if k, err := write(w, p); k != int64(n) || err != nil {
						t.Fatalf("%s of %d bytes = %d, %v", name, n, k, err)
					}
					if !bytes.Equal(p, before) {
						t.Fatalf("%s of %d bytes changed its input", name, n)
					}
					want = append(want, p...)
					l.check(t, 0)
				}
				wire := q.Bytes()
				if seals != 1 || !bytes.Equal(wire[:32], prefix) {
					t.Fatalf("%s: Seal called %d times, prefix %x", name, seals, wire[:32])
				}
				got, err := twinOpen(a, wire[32:])
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%v, %s: the twin opens %d bytes, %v, want %d", suite, name, len(got), err, len(want))
				}
				if s := w.Stats(); s.Bytes != uint64(len(want)) {
					t.Errorf("%s: Stats = %+v, want %d bytes", name, s, len(want))
				}
			}
		}
	}
}

// The prefix and the first data leave together, and a burst by one write.
func TestOneWritePerBurst(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	cfg := chunkConfig(a, nil)
	seal := cfg.Seal
	cfg.Seal = func() ([]byte, *aead.Sealer, error) {
		_, s, err := seal()
		return make([]byte, 32), s, err
	}
	for name, write := range map[string]func(w *aead.ChunkWriter, p []byte) error{
		"Write":  func(w *aead.ChunkWriter, p []byte) error { _, err := w.Write(p); return err },
		"Writev": func(w *aead.ChunkWriter, p []byte) error { _, err := w.Writev(cut(p, 100)); return err },
		"ReadFrom": func(w *aead.ChunkWriter, p []byte) error {
			_, err := w.ReadFrom(bytes.NewReader(p))
			return err
		},
	} {
		q := &quitter{room: 1 << 30}
		w := mustWriter(t, q, cfg)
		if err := write(w, make([]byte, 1000)); err != nil || q.calls != 1 {
			t.Errorf("%s: the prefix and 1000 bytes took %d writes, %v", name, q.calls, err)
		}
		if name == "ReadFrom" {
			continue
		}
		if err := write(w, make([]byte, 256<<10)); err != nil || q.calls != 2 {
			t.Errorf("%s: 256 KiB took %d writes, %v", name, q.calls-1, err)
		}
	}
}

func TestChunksHonourMaxPayload(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	for _, limit := range []int{1, 50, 1000, 0x3FFF, 65535} {
		for name, write := range writers {
			q := &quitter{room: 1 << 30}
			cfg := chunkConfig(a, nil)
			cfg.MaxPayload = limit
			want := randomBytes(1, min(100*limit, 200000))
			if n, err := write(mustWriter(t, q, cfg), want); n != int64(len(want)) || err != nil {
				t.Fatalf("%s: %d, %v", name, n, err)
			}
			o := mustOpener(t, a)
			var got []byte
			for wire := q.Bytes(); len(wire) > 0; {
				p, size, err := o.OpenChunk(nil, wire, limit)
				if err != nil {
					t.Fatalf("%s, MaxPayload %d: %v", name, limit, err)
				}
				got, wire = append(got, p...), wire[size:]
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s, MaxPayload %d: wrong bytes", name, limit)
			}
		}
	}
}

// A deadline missed at any byte, any number of times, costs nothing: what a
// write says it wrote arrives once, in order.
func TestMissedWriteDeadlineLosesNothing(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	const size = 300
	want := randomBytes(1, size)
	for room := 0; room < 500; room++ {
		for _, more := range []int{0, 1, 50} {
			for name := range writers {
				l := newLedger()
				cfg := chunkConfig(a, l)
				seal := cfg.Seal
				cfg.Seal = func() ([]byte, *aead.Sealer, error) {
					_, s, err := seal()
					return []byte("prefix"), s, err
				}
				q := &quitter{room: room, times: 3, more: more}
				w := mustWriter(t, q, cfg)
				sent := 0
				src := newScript(want, 70)
				for tries := 0; sent < size; tries++ {
					if tries > 10 {
						t.Fatalf("room %d, %s: no progress", room, name)
					}
					n, err := writeSome(w, name, want[sent:], src)
					sent += n
					if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Fatalf("room %d, %s: %v", room, name, err)
					}
					if q.times == 0 {
						q.room = 1 << 20
					}
				}
				q.times, q.room = 0, 1<<20
				if err := w.CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
					t.Fatalf("CloseWrite = %v", err)
				}
				got, err := twinOpen(a, bytes.TrimPrefix(q.Bytes(), []byte("prefix")))
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("room %d, more %d, %s: the twin opens %d bytes, %v", room, more, name, len(got), err)
				}
				l.check(t, 0)
			}
		}
	}
}

// A Write that misses its deadline while a ReadFrom has read but not sealed:
// neither loses a byte.
func TestMissedDeadlineDuringReadFrom(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	l := newLedger()
	q := &quitter{room: 10, times: 2}
	w := mustWriter(t, q, chunkConfig(a, l))
	src := &intruder{data: []byte("from the source"), before: func() {
		if n, err := w.Write([]byte("written, ")); n != 9 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write = %d, %v", n, err)
		}
	}}
	if n, err := w.ReadFrom(src); n != 15 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("ReadFrom = %d, %v", n, err)
	}
	l.check(t, 1) // what could not be sent
	q.room = 1 << 20
	if n, err := w.Write([]byte(", and again")); n != 11 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	got, err := twinOpen(a, q.Bytes())
	if string(got) != "written, from the source, and again" || err != nil {
		t.Errorf("the twin opens %q, %v", got, err)
	}
	l.check(t, 0)
}

// An intruder is a source during whose Read something else happens.
type intruder struct {
	data   []byte
	before func()
}

func (i *intruder) Read(p []byte) (int, error) {
	i.before()
	i.before = func() {}
	n := copy(p, i.data)
	i.data = i.data[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// A Write that is larger than what an int counts of its overhead.
func TestHugeWriteOfTinyChunks(t *testing.T) {
	a := paper{}
	cfg := chunkConfig(a, nil)
	cfg.MaxPayload = 1
	cfg.MaxBurst = 16 << 10
	calls := 0
	dst := writerFunc(func(p []byte) (int, error) {
		if calls++; calls == 3 {
			return 0, errQuit
		}
		return len(p), nil
	})
	// 2^31 / 35 bytes are enough for an overflow of 32 bits.
	n, err := mustWriter(t, dst, cfg).Write(make([]byte, 1<<26))
	if !errors.Is(err, errQuit) || n != 2*((16<<10)/35) {
		t.Errorf("Write = %d, %v", n, err)
	}
}

// writeSome writes p, or goes on with the same source.
func writeSome(w *aead.ChunkWriter, how string, p []byte, src *script) (int, error) {
	var n int64
	var err error
	switch how {
	case "ReadFrom":
		n, err = w.ReadFrom(src)
	case "ReadFromScatter":
		n, err = w.ReadFrom(&scatter{src})
	default:
		n, err = writers[how](w, p)
	}
	return int(n), err
}

// Any other failure is the end.
func TestFailedWriteIsSticky(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	for room := range 200 {
		for name, write := range writers {
			l := newLedger()
			q := &quitter{room: room, err: errQuit}
			w := mustWriter(t, q, chunkConfig(a, l))
			if _, err := write(w, make([]byte, 300)); !errors.Is(err, errQuit) {
				t.Fatalf("room %d, %s: %v, want the destination's error", room, name, err)
			}
			calls := q.calls
			q.room = 1 << 20
			n, err := write(w, make([]byte, 300))
			if n != 0 || !errors.Is(err, errQuit) || q.calls != calls {
				t.Fatalf("room %d, %s: second write = %d, %v", room, name, n, err)
			}
			if err := w.CloseWrite(); !errors.Is(err, errQuit) {
				t.Fatalf("CloseWrite of a broken stream = %v", err)
			}
			l.check(t, 0)
		}
	}
	short := writerFunc(func(p []byte) (int, error) { return len(p) / 2, nil })
	if _, err := mustWriter(t, short, chunkConfig(a, nil)).Write([]byte("data")); err != io.ErrShortWrite {
		t.Errorf("Write to a destination that writes short = %v", err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// The nonces end in the middle of a write: what could be sealed is sent.
func TestWriterNonceExhaustion(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	for name, write := range writers {
		l := newLedger()
		cfg := chunkConfig(a, l)
		first := uint64(math.MaxUint64 - 7) // three chunks and a half
		cfg.Seal = func() ([]byte, *aead.Sealer, error) {
			s, err := aead.NewSealer(a, aead.LittleEndian(first))
			return nil, s, err
		}
		cfg.MaxPayload = 100
		q := &quitter{room: 1 << 20}
		w := mustWriter(t, q, cfg)
		want := randomBytes(1, 1000)
		n, err := write(w, want)
		if !errors.Is(err, aead.ErrNonceExhausted) {
			t.Fatalf("%s: %d, %v, want ErrNonceExhausted", name, n, err)
		}
		if k, err := w.Write(want); k != 0 || !errors.Is(err, aead.ErrNonceExhausted) {
			t.Errorf("%s: second write = %d, %v", name, k, err)
		}
		cfg.Open = func([]byte) (*aead.Opener, error) { return aead.NewOpener(a, aead.LittleEndian(first)) }
		got, err := io.ReadAll(mustReader(t, &q.Buffer, cfg))
		if err != nil || !bytes.Equal(got, want[:n]) {
			t.Errorf("%s: %d bytes arrived, %v, want the %d written", name, len(got), err, n)
		}
		l.check(t, 0)
	}
}

func TestSealHookFails(t *testing.T) {
	cause := errors.New("no randomness")
	for _, hookErr := range []error{cause, nil} {
		for name, write := range writers {
			calls := 0
			l := newLedger()
			cfg := chunkConfig(nil, l)
			cfg.Seal = func() ([]byte, *aead.Sealer, error) { calls++; return nil, nil, hookErr }
			w := mustWriter(t, io.Discard, cfg)
			_, err := write(w, []byte("data"))
			_, again := write(w, []byte("data"))
			if err == nil || again != err || calls != 1 {
				t.Errorf("%s: %v, then %v, %d calls", name, err, again, calls)
			}
			if hookErr != nil && !errors.Is(err, hookErr) {
				t.Errorf("%s: %v does not match the hook's error", name, err)
			}
			l.check(t, 0)
		}
	}
	if w, err := aead.NewChunkWriter(io.Discard, aead.ChunkConfig{}); w != nil || !errors.Is(err, aead.ErrConfig) {
		t.Errorf("NewChunkWriter without Seal = %v, %v", w, err)
	}
}

func TestReadFromSourceErrors(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	want := randomBytes(1, 100)
	for name, src := range map[string]struct {
		r   io.Reader
		err error
	}{
		"error":           {&script{left: want, err: errQuit}, errQuit},
		"error with data": {iotest.DataErrReader(&script{left: want, err: errQuit}), errQuit},
		"EOF with data":   {iotest.DataErrReader(newScript(want)), nil},
		"no progress":     {io.MultiReader(bytes.NewReader(want), &script{left: want, sizes: []int{0}}), io.ErrNoProgress},
	} {
		l := newLedger()
		q := &quitter{room: 1 << 20}
		n, err := mustWriter(t, q, chunkConfig(a, l)).ReadFrom(src.r)
		if n != int64(len(want)) || !errors.Is(err, src.err) {
			t.Errorf("%s: ReadFrom = %d, %v, want %d, %v", name, n, err, len(want), src.err)
		}
		if got, err := twinOpen(a, q.Bytes()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: the twin opens %d bytes, %v", name, len(got), err)
		}
		l.check(t, 0)
	}
}

// Concurrent writes do not tear one another, nor a ReadFrom.
func TestConcurrentWrites(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	var wire bytes.Buffer
	w := mustWriter(t, &wire, chunkConfig(a, nil))
	const size, each = 40000, 10
	var wg sync.WaitGroup
	for id := range 4 {
		p := bytes.Repeat([]byte{byte(id)}, size)
		wg.Go(func() {
			for range each {
				if id == 0 {
					if _, err := w.ReadFrom(bytes.NewReader(p)); err != nil {
						t.Error(err)
					}
				} else if _, err := w.Write(p); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, err := twinOpen(a, wire.Bytes())
	if err != nil || len(got) != 4*each*size {
		t.Fatalf("the twin opens %d bytes, %v", len(got), err)
	}
	var count [4]int
	run := 0
	for i, b := range got {
		count[b]++
		if i > 0 && b != got[i-1] {
			if prev := got[i-1]; prev != 0 && run%size != 0 {
				t.Fatalf("a Write was torn after %d bytes", run)
			}
			run = 0
		}
		run++
	}
	if slices.Min(count[:]) != each*size {
		t.Errorf("bytes by writer: %v", count)
	}
}
