package aead

import "sync/atomic"

// ChunkStats counts one direction of a stream. Chunks with an empty payload
// count as well.
type ChunkStats struct {
	Chunks uint64
	Bytes  uint64 // of payload
}

// A counter collects what one method does, and publishes it at the method's
// end: one atomic addition a burst, not one a chunk.
type counter struct {
	pending       ChunkStats
	chunks, bytes atomic.Uint64
}

func (c *counter) note(payload int) {
	c.pending.Chunks++
	c.pending.Bytes += uint64(payload)
}

func (c *counter) flush() {
	if c.pending.Chunks == 0 {
		return
	}
	c.chunks.Add(c.pending.Chunks)
	c.bytes.Add(c.pending.Bytes)
	c.pending = ChunkStats{}
}

func (c *counter) stats() ChunkStats {
	return ChunkStats{Chunks: c.chunks.Load(), Bytes: c.bytes.Load()}
}
