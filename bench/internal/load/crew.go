package load

import (
	"sync"
	"sync/atomic"
)

// A crew is goroutines that work on one measurement.
type crew struct {
	wg     sync.WaitGroup
	once   sync.Once
	failed chan struct{} // closed at the first error
	err    error         // valid once failed is closed
}

func newCrew() *crew { return &crew{failed: make(chan struct{})} }

func (c *crew) do(f func() error) {
	c.wg.Go(func() {
		if err := f(); err != nil {
			c.once.Do(func() {
				c.err = err
				close(c.failed)
			})
		}
	})
}

// wait waits for all and returns the first error.
func (c *crew) wait() error {
	c.wg.Wait()
	select {
	case <-c.failed:
		return c.err
	default:
		return nil
	}
}

// each calls do(i) for every i below n, on up to abreast goroutines, each of
// which has a do of its own from newDo. One that fails goes no further.
func each(n, abreast int, newDo func() (do func(i int) error)) error {
	var next atomic.Int64
	crew := newCrew()
	for range min(n, abreast) {
		do := newDo()
		crew.do(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := do(i); err != nil {
					return err
				}
			}
		})
	}
	return crew.wait()
}
