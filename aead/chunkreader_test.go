package aead_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/headrace-go/headrace/aead"
)

// sources are the ways in which a wire may arrive.
var sources = map[string]func(wire []byte) io.Reader{
	"whole":     func(wire []byte) io.Reader { return newLayered(wire) },
	"one byte":  func(wire []byte) io.Reader { return newLayered(wire, 1) },
	"pieces":    func(wire []byte) io.Reader { return newLayered(wire, 17, 1, 0, 18, 19, 5000, 2) },
	"data+EOF":  func(wire []byte) io.Reader { return iotest.DataErrReader(newScript(wire, 1000)) },
	"no layer":  func(wire []byte) io.Reader { return newScript(wire, 4096, 3) },
	"idle read": func(wire []byte) io.Reader { return newScript(wire, 0, 0, 300) },
}

func TestReaderMatchesTwin(t *testing.T) {
	for _, suite := range []aead.Suite{aead.AES128GCM, aead.ChaCha20Poly1305} {
		a := mustAEAD(t, suite)
		payloads := [][]byte{{}, randomBytes(1, 1), randomBytes(2, 16383), {}, {}, randomBytes(3, 1350), randomBytes(4, 300)}
		for i := range 40 {
			payloads = append(payloads, randomBytes(uint64(i), 7*i))
		}
		for name, source := range sources {
			payloads := payloads
			if name == "one byte" {
				payloads = payloads[3:20] // every byte costs a buffer
			}
			wire := twinSeal(a, payloads...)
			want := bytes.Join(payloads, nil)
			for _, d := range drainers {
				src := source(wire)
				if _, ok := src.(*layered); d.layer && !ok {
					continue
				}
				l := newLedger()
				r := mustReader(t, src, chunkConfig(a, l))
				got, err := d.drain(r)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%v, %s, %s: %d bytes, %v, want %d", suite, name, d.name, len(got), err, len(want))
				}
				if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("%s, %s: Read after the end = %d, %v, want io.EOF itself", name, d.name, n, err)
				}
				if s := r.Stats(); s != (aead.ChunkStats{Chunks: uint64(len(payloads)), Bytes: uint64(len(want))}) {
					t.Errorf("%s, %s: Stats = %+v", name, d.name, s)
				}
				l.check(t, 0)
			}
		}
	}
}

// A stream that is cut ends cleanly only between two chunks.
func TestEveryTruncation(t *testing.T) {
	const prefix = 8
	a := mustAEAD(t, aead.AES256GCM)
	whole := append(make([]byte, prefix), twinSeal(a, []byte("one"), nil, randomBytes(1, 60))...)
	for end := range len(whole) + 1 {
		wantErr := error(nil)
		var want []byte
		if end > 0 && end < prefix {
			wantErr = aead.ErrTruncated
		} else if end >= prefix {
			var err error
			if want, err = twinOpen(a, whole[prefix:end]); err != nil {
				wantErr = aead.ErrTruncated
			}
		}
		for _, sizes := range [][]int{nil, {1}} {
			for _, d := range drainers {
				l := newLedger()
				cfg := chunkConfig(a, l)
				cfg.PrefixSize = prefix
				r := mustReader(t, newLayered(whole[:end], sizes...), cfg)
				got, err := d.drain(r)
				if !errors.Is(err, wantErr) || !bytes.Equal(got, want) {
					t.Fatalf("cut at %d, %s: %q, %v, want %q, %v", end, d.name, got, err, want, wantErr)
				}
				if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("%v does not match io.ErrUnexpectedEOF", err)
				}
				l.check(t, 0)
			}
		}
	}
}

// What is authentic is delivered; the forged chunk and all behind it are not.
func TestReaderEveryBitFlip(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	good := twinSeal(a, []byte("one"), nil, randomBytes(1, 20), []byte("last"))
	for bit := range len(good) * 8 {
		wire := bytes.Clone(good)
		wire[bit/8] ^= 1 << (bit % 8)
		want, _ := twinOpen(a, wire)
		for _, d := range drainers {
			l := newLedger()
			r := mustReader(t, newLayered(wire), chunkConfig(a, l))
			got, err := d.drain(r)
			if !errors.Is(err, aead.ErrOpen) || !bytes.Equal(got, want) {
				t.Fatalf("bit %d, %s: %q, %v, want %q, ErrOpen", bit, d.name, got, err, want)
			}
			if _, again := d.drain(r); again != err {
				t.Fatalf("bit %d, %s: second error %v, want the first, %v", bit, d.name, again, err)
			}
			l.check(t, 0)
		}
	}
}

func TestOversizedLength(t *testing.T) {
	a := mustAEAD(t, aead.AES256GCM)
	for _, length := range []uint16{0x4000, 0x4001, 0x7FFF, 0x8000, 0xFFFF} {
		nonce := newTwinNonce(a)
		wire := a.Seal(nil, nonce, binary.BigEndian.AppendUint16(nil, length), nil)
		wire = append(wire, make([]byte, 70000)...)
		for _, d := range drainers {
			l := newLedger()
			got, err := d.drain(mustReader(t, newLayered(wire), chunkConfig(a, l)))
			if len(got) != 0 || !errors.Is(err, aead.ErrTooLong) {
				t.Errorf("length %#x, %s: %d bytes, %v, want ErrTooLong", length, d.name, len(got), err)
			}
			l.check(t, 0)
		}
	}
}

func TestLargerMaxPayload(t *testing.T) {
	a := mustAEAD(t, aead.AES256GCM)
	want := randomBytes(1, 65535)
	wire := twinSeal(a, want)
	for _, d := range drainers {
		l := newLedger()
		cfg := chunkConfig(a, l)
		cfg.MaxPayload = 65535
		got, err := d.drain(mustReader(t, newLayered(wire, 1000), cfg))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", d.name, len(got), err)
		}
		l.check(t, 0)
	}
}

// An endless source of chunks with empty payloads neither keeps a Step busy
// for ever nor makes it hold more than a part of one chunk.
func TestEmptyChunksDoNotSpin(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	s := mustSealer(t, a)
	var flood endless
	flood.next = func() []byte {
		b, err := s.SealChunk(nil, nil)
		if err != nil {
			t.Error(err)
		}
		return b
	}
	l := newLedger()
	r := mustReader(t, &flood, chunkConfig(a, l))
	var out bytes.Buffer
	for range 5 {
		if n, err := r.Step(&out, 1<<20); n != 0 || err != nil {
			t.Fatalf("Step = %d, %v, want 0, nil", n, err)
		}
		if _, held := l.held(); held > 34 {
			t.Fatalf("%d bytes held after a Step that moved nothing", held)
		}
	}
	flood.next = func() []byte {
		b, _ := s.SealChunk(nil, []byte("data"))
		return b
	}
	if n, err := r.Step(&out, 1); n != 4 || err != nil || out.String() != "data" {
		t.Errorf("Step = %d, %v, %q, want the data", n, err, out.String())
	}
}

// endless is a layer that always has something.
type endless struct {
	next func() []byte
	left []byte
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(e.left) == 0 {
			e.left = e.next()
		}
		k := copy(p[n:], e.left)
		e.left = e.left[k:]
		n += k
	}
	return n, nil
}

func (e *endless) Step(dst io.Writer, max int) (int64, error) {
	p := make([]byte, max)
	n, _ := e.Read(p)
	n, err := dst.Write(p[:n])
	return int64(n), err
}

func (e *endless) Ready(_ aead.Watcher, wake func()) func() {
	wake()
	return func() {}
}

func TestPrefixAndReceived(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	salt := randomBytes(9, 32)
	payload := randomBytes(1, 200)
	wire := append(bytes.Clone(salt), twinSeal(a, payload, payload)...)
	want := append(bytes.Clone(payload), payload...)
	for split := range len(wire) + 1 {
		for _, d := range drainers {
			calls := 0
			l := newLedger()
			cfg := chunkConfig(a, l)
			cfg.PrefixSize = len(salt)
			cfg.Received = bytes.Clone(wire[:split])
			cfg.Open = func(prefix []byte) (*aead.Opener, error) {
				calls++
				if !bytes.Equal(prefix, salt) || cap(prefix) != len(salt) {
					t.Errorf("Open got %x, of capacity %d", prefix, cap(prefix))
				}
				return aead.NewOpener(a, aead.LittleEndian(0))
			}
			r := mustReader(t, newLayered(wire[split:], 7), cfg)
			clear(cfg.Received) // it was copied
			got, err := d.drain(r)
			if err != nil || !bytes.Equal(got, want) || calls != 1 {
				t.Fatalf("%d received, %s: %d bytes, %v, Open called %d times", split, d.name, len(got), err, calls)
			}
			l.check(t, 0)
		}
	}
}

func TestStartAtAnyNonce(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	wire := twinSeal(a, []byte("one"), []byte("two"), []byte("three"))
	cfg := chunkConfig(a, nil)
	cfg.Open = func([]byte) (*aead.Opener, error) { return aead.NewOpener(a, aead.LittleEndian(2)) }
	cfg.Received = wire[37:40] // within the second chunk
	got, err := io.ReadAll(mustReader(t, newScript(wire[40:]), cfg))
	if string(got) != "twothree" || err != nil {
		t.Errorf("ReadAll = %q, %v", got, err)
	}
}

func TestOpenHookFails(t *testing.T) {
	cause := errors.New("salt seen before")
	for _, hookErr := range []error{cause, nil} {
		for _, d := range drainers {
			calls := 0
			l := newLedger()
			cfg := chunkConfig(nil, l)
			cfg.PrefixSize = 4
			cfg.Open = func([]byte) (*aead.Opener, error) { calls++; return nil, hookErr }
			r := mustReader(t, newLayered(make([]byte, 100)), cfg)
			_, err := d.drain(r)
			_, again := d.drain(r)
			if err == nil || again != err || calls != 1 {
				t.Errorf("%s: %v, then %v, %d calls", d.name, err, again, calls)
			}
			if hookErr != nil && !errors.Is(err, hookErr) {
				t.Errorf("%s: %v does not match the hook's error", d.name, err)
			}
			l.check(t, 0)
		}
	}
}

func TestReaderConfig(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	for name, spoil := range map[string]func(*aead.ChunkConfig){
		"no Open":             func(c *aead.ChunkConfig) { c.Open = nil },
		"negative PrefixSize": func(c *aead.ChunkConfig) { c.PrefixSize = -1 },
		"negative MaxPayload": func(c *aead.ChunkConfig) { c.MaxPayload = -1 },
		"large MaxPayload":    func(c *aead.ChunkConfig) { c.MaxPayload = 65536 },
		"odd MaxBurst":        func(c *aead.ChunkConfig) { c.MaxBurst = 20000 },
		"negative MaxBurst":   func(c *aead.ChunkConfig) { c.MaxBurst = -16384 },
	} {
		cfg := chunkConfig(a, nil)
		spoil(&cfg)
		if r, err := aead.NewChunkReader(nil, cfg); r != nil || !errors.Is(err, aead.ErrConfig) {
			t.Errorf("%s: NewChunkReader = %v, %v", name, r, err)
		}
		if c, err := aead.NewChunkConn(nil, cfg); c != nil || !errors.Is(err, aead.ErrConfig) {
			t.Errorf("%s: NewChunkConn = %v, %v", name, c, err)
		}
	}
}

// What a destination did not accept is what is read next.
func TestFailedDestinationLosesNothing(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	payloads := cut(randomBytes(1, 3000), 1, 5, 0, 2500, 70)
	wire := twinSeal(a, payloads...)
	want := bytes.Join(payloads, nil)
	for room := range len(want) {
		for _, gathering := range []bool{false, true} {
			l := newLedger()
			r := mustReader(t, newScript(wire), chunkConfig(a, l))
			q := &quitter{room: room, err: errQuit}
			var dst io.Writer = q
			if gathering {
				dst = &gatherQuitter{q}
			}
			n, err := r.WriteTo(dst)
			if n != int64(room) || !errors.Is(err, errQuit) {
				t.Fatalf("room %d: WriteTo = %d, %v", room, n, err)
			}
			rest, err := io.ReadAll(r)
			if got := append(q.Bytes(), rest...); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("room %d, gathering %v: %d bytes in all, %v, want %d", room, gathering, len(got), err, len(want))
			}
			l.check(t, 0)
		}
	}
}

func TestShortDestination(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	want := randomBytes(1, 3000)
	r := mustReader(t, newScript(twinSeal(a, want)), chunkConfig(a, nil))
	var out bytes.Buffer
	short := writerFunc(func(p []byte) (int, error) { return out.Write(p[:len(p)/2]) })
	if n, err := r.WriteTo(short); n != 1500 || err != io.ErrShortWrite {
		t.Errorf("WriteTo = %d, %v", n, err)
	}
	if _, err := r.WriteTo(&out); err != nil || !bytes.Equal(out.Bytes(), want) {
		t.Errorf("%d bytes in all, %v", out.Len(), err)
	}
}

type gatherQuitter struct{ *quitter }

func (g *gatherQuitter) Writev(bufs [][]byte) (int64, error) {
	n, err := g.Write(bytes.Join(bufs, nil))
	return int64(n), err
}

func TestStepStopsAtMax(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	wire := twinSeal(a, cut(randomBytes(1, 1000), lengths(100, 10)...)...)
	r := mustReader(t, newLayered(wire), chunkConfig(a, nil))
	var out bytes.Buffer
	for _, tt := range []struct{ max, want int }{{0, 0}, {-1, 0}, {1, 10}, {10, 10}, {11, 20}, {500, 500}} {
		if n, err := r.Step(&out, tt.max); n != int64(tt.want) || err != nil {
			t.Errorf("Step(%d) = %d, %v, want %d", tt.max, n, err, tt.want)
		}
		woken := false
		if r.Ready(nil, func() { woken = true }); !woken && tt.want > 0 {
			t.Errorf("after Step(%d): Ready did not wake though chunks are there", tt.max)
		}
	}
	if n, err := r.Step(&out, math.MaxInt); n != 460 || err != nil {
		t.Errorf("last Step = %d, %v", n, err)
	}
}

// A Step that ends with a whole chunk has not looked at the part behind it. That
// part survives a wait, and a budget that then grants next to nothing.
func TestPartBehindAStepSurvivesAWait(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	payloads := cut(randomBytes(1, 2*aead.MaxPayload), aead.MaxPayload)
	wire := twinSeal(a, payloads...)
	const part = 4 << 10
	l := newLedger()
	cfg := chunkConfig(a, l)
	cfg.Received = wire[:len(wire)-part]
	src, peer := tcpPair(t)
	r := mustReader(t, src, cfg)
	var out bytes.Buffer
	if n, err := r.Step(&out, aead.MaxPayload); n != aead.MaxPayload || err != nil {
		t.Fatalf("Step = %d, %v, want the first chunk", n, err)
	}
	l.limit = 0
	if cancel := r.Ready(watcherFunc(func() {}), func() {}); cancel != nil {
		cancel()
	}
	_, err := peer.Write(wire[len(wire)-part:])
	if err := errors.Join(err, peer.CloseWrite()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(&out, r, aead.MaxPayload); err != nil {
		t.Fatalf("behind the wait: %v", err)
	}
	if !bytes.Equal(out.Bytes(), bytes.Join(payloads, nil)) {
		t.Error("other bytes")
	}
}

// A watcherFunc watches nothing.
type watcherFunc func()

func (f watcherFunc) Watch(syscall.Conn, func()) (cancel func()) { return f }

// Small payloads go out together, large ones as they lie.
func TestWriteToJoinsPayloads(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	for _, size := range []int{10, 1000, 8000, 16383} {
		payloads := cut(randomBytes(1, 256<<10), lengths((256<<10)/size, size)...)
		wire := twinSeal(a, payloads...)
		cfg := chunkConfig(a, nil)
		cfg.Received = wire
		q := &quitter{room: 1 << 30}
		if _, err := mustReader(t, newScript(nil), cfg).WriteTo(q); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(q.Bytes(), bytes.Join(payloads, nil)) {
			t.Fatalf("payloads of %d bytes: wrong bytes", size)
		}
		if q.calls > 18 {
			t.Errorf("payloads of %d bytes: 256 KiB took %d writes", size, q.calls)
		}
	}
}

func TestReadyCannotWatch(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	c1, c2 := net.Pipe()
	defer c1.Close()
	defer c2.Close()
	r := mustReader(t, c1, chunkConfig(a, nil))
	if n, err := r.Step(io.Discard, 1000); n != 0 || err != nil {
		t.Errorf("Step over a net.Pipe = %d, %v", n, err)
	}
	if r.Ready(nil, func() {}) != nil {
		t.Error("Ready over a net.Pipe did not say that it cannot watch")
	}
}

// A Step within wake is no deadlock.
func TestStepWithinWake(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	r := mustReader(t, newLayered(twinSeal(a, []byte("data"))), chunkConfig(a, nil))
	var out bytes.Buffer
	r.Ready(nil, func() {
		if n, err := r.Step(&out, 100); n != 4 || err != nil {
			t.Errorf("Step = %d, %v", n, err)
		}
	})
}
