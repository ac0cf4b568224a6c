package load

import "sync"

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
