package bufpool_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/internal/await"
)

type session struct {
	name string
	keys [32]byte
	seen []byte
}

func TestObjectsResets(t *testing.T) {
	o := bufpool.NewObjects(bufpool.ObjectsConfig[session]{})
	s := o.Get()
	s.name, s.keys[0] = "x", 1
	o.Put(s)
	if s.name != "" || s.keys[0] != 0 {
		t.Errorf("after Put: %+v, want the zero value", s)
	}
	made := 0
	o = bufpool.NewObjects(bufpool.ObjectsConfig[session]{
		New: func() *session { made++; return &session{seen: make([]byte, 0, 100)} },
		Reset: func(s *session) bool {
			s.seen = s.seen[:0]
			return cap(s.seen) <= 1000
		},
	})
	s = o.Get()
	s.seen = append(s.seen, "bytes"...)
	o.Put(s)
	if len(s.seen) != 0 || cap(s.seen) != 100 {
		t.Errorf("after Put: len %d cap %d, want 0 and 100", len(s.seen), cap(s.seen))
	}
	grown := o.Get()
	grown.seen = make([]byte, 5000)
	o.Put(grown)
	if got := o.Stats(); got.Dropped != 1 || int(got.Made) != made {
		t.Errorf("Stats = %+v with %d made, want 1 dropped", got, made)
	}
}

// Beyond Max objects are dropped until the collector has freed enough.
func TestObjectsMax(t *testing.T) {
	o := bufpool.NewObjects(bufpool.ObjectsConfig[session]{Max: 4})
	lend := func() {
		var held []*session
		for range 10 {
			held = append(held, o.Get())
		}
		for _, s := range held {
			o.Put(s)
		}
	}
	lend()
	if got := o.Stats(); got.Live != 10 || got.Dropped != 10 || got.Made != 10 {
		t.Fatalf("Stats = %+v, want all 10 live and dropped", got)
	}
	await.Until(t, "the dropped ones are gone", func() bool {
		runtime.GC()
		return o.Stats().Live == 0
	})
	o.Put(o.Get())
	if got := o.Stats(); got.Live != 1 || got.Dropped != 10 {
		t.Errorf("Stats = %+v, want one live and no more dropped", got)
	}
}

func TestObjectsAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("under -race sync.Pool drops one Put in four")
	}
	o := bufpool.NewObjects(bufpool.ObjectsConfig[session]{})
	o.Put(o.Get())
	if got := testing.AllocsPerRun(500, func() { o.Put(o.Get()) }); got != 0 {
		t.Errorf("Get and Put allocate %v times, want 0", got)
	}
}

func TestObjectsOnManyGoroutines(t *testing.T) {
	o := bufpool.NewObjects(bufpool.ObjectsConfig[session]{Max: 8})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for range 500 {
				s := o.Get()
				if s.name != "" {
					t.Errorf("object still has the name %q", s.name)
				}
				s.name = string(rune('a' + g))
				runtime.Gosched()
				if s.name != string(rune('a'+g)) {
					t.Errorf("object has two owners")
				}
				o.Put(s)
			}
		})
	}
	wg.Wait()
}
