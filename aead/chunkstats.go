package aead

import "github.com/headrace-go/headrace/internal/burst"

// ChunkStats counts one direction of a stream. Chunks with an empty payload
// count as well.
type ChunkStats struct {
	Chunks uint64
	Bytes  uint64 // of payload
}

func chunkStats(c *burst.Count) ChunkStats {
	chunks, bytes := c.Load()
	return ChunkStats{Chunks: chunks, Bytes: bytes}
}
