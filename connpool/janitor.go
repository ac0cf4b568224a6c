package connpool

import "time"

// rememberKeys is how long a key without connections is remembered.
const rememberKeys = time.Minute

// A janitor is the pool's one timer. It is never stopped and seldom set: when
// it goes off too early it is set anew.
type janitor struct {
	timer *time.Timer
	at    time.Duration // when it goes off; never, if it does not
}

// armLocked has the janitor come at a time or earlier.
func (c *core) armLocked(at time.Duration) {
	if at >= c.janitor.at || c.closed {
		return
	}
	c.janitor.at = at
	wait := at - c.now()
	if c.janitor.timer == nil {
		c.janitor.timer = time.AfterFunc(wait, c.expire)
	} else {
		c.janitor.timer.Reset(wait)
	}
}

// expire evicts and forgets what is due.
func (c *core) expire() {
	c.mu.Lock()
	now := c.now()
	c.janitor.at = never
	if c.closed {
		c.unlock()
		return
	}
	batch := evictBatch
	for c.idleTimeout != never {
		m := c.oldestLocked()
		if m == nil {
			break
		}
		if at := m.idleSince + c.idleTimeout; at > now || batch == 0 {
			c.armLocked(at)
			break
		}
		batch--
		c.evictLocked(m, CauseIdle, nil)
	}
	for {
		m := c.lives.first()
		if m == nil {
			break
		}
		if m.life.at > now || batch == 0 {
			c.armLocked(m.life.at)
			break
		}
		batch--
		c.lives.remove(&m.life) // who has it now will see
		if m.state == stateIdle {
			c.evictLocked(m, CauseLifetime, nil)
		}
	}
	for {
		b := c.empty.front()
		if b == nil {
			break
		}
		if at := b.emptySince + rememberKeys; at > now {
			c.armLocked(at)
			break
		}
		c.forgetLocked(b)
	}
	c.unlockAndReap()
}

// livesLocked notes when m has to go.
func (c *core) livesLocked(m *member) {
	if m.life.at == never {
		return
	}
	c.lives.set(&m.life, m, m.life.at)
	c.armLocked(m.life.at)
}
