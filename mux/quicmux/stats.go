package quicmux

import "time"

// Stats tells what a session is and what it did.
type Stats struct {
	Early            bool // what was sent before the end of the handshake was accepted
	Resumed          bool
	GSO              bool // datagrams leave many at a time
	GRO              bool // and arrive so; false for a connection that was wrapped
	RTT, MinRTT      time.Duration
	CongestionWindow uint64 // bytes
	PacketsSent      uint64
	PacketsLost      uint64 // some of which may have come late
	PacketsReceived  uint64
	// Restarts is how often a session of Dial's has looked for its rate anew,
	// since its congestion window was small without need.
	Restarts uint64
	Buffers  Buffers
}

// Buffers are the socket's, in bytes: what was asked for and what the system
// has granted. QUIC loses packets at high rates where it is much less; on Linux
// net.core.rmem_max and wmem_max say how much a user is granted. They are zero
// for a connection that was wrapped.
type Buffers struct {
	ReadAsked, ReadGranted   int
	WriteAsked, WriteGranted int
}

// Short reports whether the system has granted less than was asked for.
func (b Buffers) Short() bool {
	return b.ReadGranted < b.ReadAsked || b.WriteGranted < b.WriteAsked
}

// Stats returns the counters.
func (s *Session) Stats() Stats {
	state, c := s.conn.ConnectionState(), s.conn.ConnectionStats()
	var restarts uint64
	if s.restart != nil {
		restarts = s.restart.restarts.Load()
	}
	return Stats{
		Early:            state.Used0RTT,
		Resumed:          state.TLS.DidResume,
		GSO:              state.GSO,
		GRO:              s.gro,
		RTT:              c.SmoothedRTT,
		MinRTT:           c.MinRTT,
		CongestionWindow: c.CongestionWindow,
		PacketsSent:      c.PacketsSent,
		PacketsLost:      c.PacketsLost,
		PacketsReceived:  c.PacketsReceived,
		Restarts:         restarts,
		Buffers:          s.buffers,
	}
}
