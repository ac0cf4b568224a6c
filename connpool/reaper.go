package connpool

// A reaper closes what the watcher and the timers evict: none of them may wait
// for a Close. It is one goroutine, and only while there is something to close.
type reaper struct {
	queue   chain
	running bool
}

// unlockAndReap is unlock for those that cannot wait.
func (c *core) unlockAndReap() {
	if doomed := c.doomed; doomed.first != nil {
		c.doomed = chain{}
		if c.reaper.queue.last == nil {
			c.reaper.queue.first = doomed.first
		} else {
			c.reaper.queue.last.next = doomed.first
		}
		c.reaper.queue.last = doomed.last
		if !c.reaper.running {
			c.reaper.running = true
			c.running.Go(c.reap)
		}
	}
	c.mu.Unlock()
}

func (c *core) reap() {
	for {
		c.mu.Lock()
		first := c.reaper.queue.first
		c.reaper.queue = chain{}
		c.reaper.running = first != nil
		c.mu.Unlock()
		if first == nil {
			return
		}
		c.bury(first)
	}
}
