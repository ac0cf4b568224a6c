package burst

import "sync/atomic"

// A Count counts records and the bytes of their payloads. It collects what one
// method does, and publishes it at the method's end: one atomic addition a
// burst, not one a record. Load is safe for concurrent use.
type Count struct {
	newRecords, newBytes uint64
	records, bytes       atomic.Uint64
}

// Note counts a record with n bytes of payload.
func (c *Count) Note(n int) {
	c.newRecords++
	c.newBytes += uint64(n)
}

// Publish lets Load see what was counted.
func (c *Count) Publish() {
	if c.newRecords == 0 {
		return
	}
	c.records.Add(c.newRecords)
	c.bytes.Add(c.newBytes)
	c.newRecords, c.newBytes = 0, 0
}

// Load returns what was published.
func (c *Count) Load() (records, bytes uint64) { return c.records.Load(), c.bytes.Load() }
