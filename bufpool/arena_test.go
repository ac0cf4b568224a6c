package bufpool_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/headrace-go/headrace/bufpool"
)

func TestArenaHandsOutApartMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := bufpool.Arena{Limit: -1}
		defer a.Reset()
		type piece struct{ got, want []byte }
		var pieces []piece
		for i := range rapid.IntRange(1, 60).Draw(t, "pieces") {
			n := rapid.OneOf(rapid.IntRange(0, 64), rapid.IntRange(0, 9000), rapid.IntRange(0, 200_000)).Draw(t, "size")
			want := bytes.Repeat([]byte{byte(i + 1)}, n)
			var got []byte
			var err error
			switch rapid.IntRange(0, 3).Draw(t, "how") {
			case 0:
				got, err = a.Alloc(n)
				copy(got, want)
			case 1:
				got, err = a.Copy(want)
			case 2:
				var s string
				s, err = a.String(want)
				got = unsafe.Slice(unsafe.StringData(s), len(s)) // itself, not a copy
			case 3:
				want = bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7, 8}, n/8)
				var words []uint64
				words, err = bufpool.SlabOf[uint64](&a).Make(n / 8)
				got = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 8*len(words))
				copy(got, want)
			}
			if err != nil || len(got) != len(want) || cap(got) > 0 && cap(got) != len(got) {
				t.Fatalf("piece %d: len %d, cap %d, %v, want %d", i, len(got), cap(got), err, len(want))
			}
			pieces = append(pieces, piece{got, want})
		}
		for i, p := range pieces {
			if !bytes.Equal(p.got, p.want) {
				t.Fatalf("piece %d of %d bytes was overwritten", i, len(p.want))
			}
		}
	})
}

func TestArenaLimit(t *testing.T) {
	a := bufpool.Arena{Limit: 100}
	defer a.Reset()
	if _, err := a.Alloc(60); err != nil {
		t.Fatal(err)
	}
	_, errAlloc := a.Alloc(41)
	_, errNegative := a.Alloc(-1)
	_, errCopy := a.Copy(make([]byte, 41))
	s, errString := a.String(make([]byte, 41))
	_, errMake := bufpool.SlabOf[uint64](&a).Make(6)
	_, errHuge := bufpool.SlabOf[uint64](&a).Make(math.MaxInt/8 + 1)
	_, errMakeNegative := bufpool.SlabOf[uint64](&a).Make(-1)
	for i, tt := range []struct{ got, want error }{
		{errAlloc, bufpool.ErrLimit}, {errNegative, bufpool.ErrRange}, {errCopy, bufpool.ErrLimit}, {errString, bufpool.ErrLimit},
		{errMake, bufpool.ErrLimit}, {errHuge, bufpool.ErrLimit}, {errMakeNegative, bufpool.ErrRange},
	} {
		if !errors.Is(tt.got, tt.want) {
			t.Errorf("%d: %v, want %v", i, tt.got, tt.want)
		}
	}
	if s != "" {
		t.Errorf("String beyond the limit = %q", s)
	}
	if _, err := a.Alloc(40); err != nil {
		t.Errorf("Alloc up to the limit = %v", err)
	}
	a.Reset()
	if _, err := a.Alloc(100); err != nil {
		t.Errorf("Alloc after Reset = %v", err)
	}
	var byDefault bufpool.Arena
	if _, err := byDefault.Alloc(1<<20 + 1); !errors.Is(err, bufpool.ErrLimit) {
		t.Errorf("Alloc beyond 1 MiB = %v, want ErrLimit", err)
	}
}

func TestArenaKeepsItsHighWaterMark(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	a := bufpool.Arena{Pool: p}
	use := func(n int) int {
		for range n {
			if _, err := a.Alloc(100); err != nil {
				t.Fatal(err)
			}
		}
		blocks := a.Blocks()
		a.Reset()
		return blocks
	}
	if got := use(200); got < 2 {
		t.Fatalf("20 kB at first took %d blocks, want several", got)
	}
	if got := use(200); got != 1 {
		t.Errorf("20 kB the second time took %d blocks, want 1", got)
	}
	if a.Blocks() != 0 || a.Len() != 0 {
		t.Errorf("after Reset: %d blocks, Len = %d, want 0 and 0", a.Blocks(), a.Len())
	}
	for range 60 {
		use(1)
	}
	if _, err := a.Alloc(1); err != nil {
		t.Fatal(err)
	}
	if got := a.FirstBlock(); got > 8<<10 {
		t.Errorf("after small requests the first block has %d bytes, want the mark to have fallen", got)
	}
	a.Reset()
}

func TestSlabValues(t *testing.T) {
	type header struct {
		kind   uint8
		length uint32
		sum    [3]uint64
		ratio  float64
	}
	a := bufpool.Arena{}
	defer a.Reset()
	headers := bufpool.SlabOf[header](&a)
	if _, err := a.Copy([]byte{1, 2, 3}); err != nil { // leaves the next byte unaligned
		t.Fatal(err)
	}
	for range 200 {
		h, err := headers.New()
		must(t, err)
		if *h != (header{}) {
			t.Fatalf("New = %+v, want the zero value", *h)
		}
		if uintptr(unsafe.Pointer(h))%unsafe.Alignof(*h) != 0 {
			t.Fatalf("New = %p: not aligned", h)
		}
		*h = header{1, 2, [3]uint64{3, 4, 5}, 6}
		if _, err := a.Copy([]byte{0xff}); err != nil {
			t.Fatal(err)
		}
	}
	empty, err := bufpool.SlabOf[struct{}](&a).Make(3)
	if len(empty) != 3 || err != nil {
		t.Errorf("Make of empty values = %v, %v", empty, err)
	}
}

func TestSlabRefusesPointers(t *testing.T) {
	a := &bufpool.Arena{}
	for name, slabOf := range map[string]func(){
		"pointer":   func() { bufpool.SlabOf[*int](a) },
		"slice":     func() { bufpool.SlabOf[[]byte](a) },
		"string":    func() { bufpool.SlabOf[string](a) },
		"map":       func() { bufpool.SlabOf[map[int]int](a) },
		"func":      func() { bufpool.SlabOf[func()](a) },
		"chan":      func() { bufpool.SlabOf[chan int](a) },
		"interface": func() { bufpool.SlabOf[any](a) },
		"unsafe":    func() { bufpool.SlabOf[unsafe.Pointer](a) },
		"nested":    func() { bufpool.SlabOf[[2]struct{ a [1]struct{ s string } }](a) },
	} {
		t.Run(name, func(t *testing.T) { mustPanic(t, slabOf, "bufpool: SlabOf", "pointers") })
	}
	bufpool.SlabOf[[0]*int](a)
	bufpool.SlabOf[struct {
		a [4]uint16
		b complex128
	}](a)
}

func TestArenaAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("under -race sync.Pool drops one Put in four")
	}
	if debugEnabled {
		t.Skip("the debug build records stacks")
	}
	a := bufpool.Arena{Pool: mustNew(t, bufpool.Config{})}
	name := []byte("name.example")
	values := bufpool.SlabOf[[4]uint64](&a)
	handshake := func() {
		for range 20 {
			if _, err := a.String(name); err != nil {
				t.Fatal(err)
			}
			if _, err := values.New(); err != nil {
				t.Fatal(err)
			}
		}
		a.Reset()
	}
	handshake()
	if got := testing.AllocsPerRun(500, handshake); got != 0 {
		t.Errorf("20 strings and values, and Reset, allocate %v times, want 0", got)
	}
}

func BenchmarkArena(b *testing.B) {
	name := []byte("name.example:443")
	for _, pieces := range []int{1, 5, 20} {
		a := bufpool.Arena{Pool: mustNew(b, bufpool.Config{})}
		b.Run(fmt.Sprintf("impl=ours/pieces=%d", pieces), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for range pieces {
					s, err := a.String(name)
					if err != nil || s == "" {
						b.Fatal(err)
					}
				}
				a.Reset()
			}
		})
		b.Run(fmt.Sprintf("impl=make/pieces=%d", pieces), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for range pieces {
					stringSink = string(name)
				}
			}
		})
	}
}

var stringSink string
