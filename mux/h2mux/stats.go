package h2mux

// Stats counts what a Session has done.
type Stats struct {
	Opened   uint64 // streams, by this side
	Accepted uint64 // streams, from the peer
	Refused  uint64 // streams of the peer beyond MaxStreams

	BytesSent     uint64 // payload of DATA
	BytesReceived uint64
	Writes        uint64 // batches written to the connection

	ResetsSent     uint64
	ResetsReceived uint64
}

// Stats returns the counters.
func (s *Session) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}
