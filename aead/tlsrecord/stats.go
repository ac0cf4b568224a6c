package tlsrecord

import "github.com/headrace-go/headrace/internal/burst"

// Stats tells what a Conn did. All of it is zero if crypto/tls has kept the
// records.
type Stats struct {
	Opened, Sealed RecordStats
	// Reads and Writes are how often bytes were read from the connection
	// below, and written to it.
	Reads, Writes int64
	// KeysOpened and KeysSealed are how often the peer has changed its key,
	// and how often this side has.
	KeysOpened, KeysSealed int64
	// Tickets is how many session tickets crypto/tls was given.
	Tickets int64
	// Notified says that the peer has ended its stream by the alert for that,
	// and not only closed the connection.
	Notified bool
}

// RecordStats counts the records of one direction, those that have content for
// nobody as well.
type RecordStats struct {
	Records uint64
	Bytes   uint64 // of content
}

func recordStats(c *burst.Count) RecordStats {
	records, bytes := c.Load()
	return RecordStats{Records: records, Bytes: bytes}
}
