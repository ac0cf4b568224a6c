package connpool

import (
	"crypto/tls"
	"encoding/binary"
	"time"
)

// A ticket is a session that can be resumed.
type ticket struct {
	state *tls.ClientSessionState
	size  int64 // about, in bytes
	once  bool  // it must not be shown twice
	ends  time.Time
}

// ticketOverhead is what a ticket takes beyond its bytes: headers of slices, a
// parsed certificate that the collector cannot tell from the rest.
const ticketOverhead = 512

// newTicket returns a ticket for a session that can be taken apart: others, of a
// later crypto/tls perhaps, are not kept.
func newTicket(state *tls.ClientSessionState, ends time.Time) (*ticket, bool) {
	bytes, session, err := state.ResumptionState()
	if err != nil || len(bytes) == 0 || session == nil {
		return nil, false
	}
	encoded, err := session.Bytes()
	if err != nil {
		return nil, false
	}
	return &ticket{
		state: state,
		size:  int64(len(bytes)+len(encoded)) + ticketOverhead,
		once:  !isTLS12(encoded),
		ends:  ends,
	}, true
}

// isTLS12 looks at the version that a session begins with. crypto/tls does not
// promise that; if it ever changes, sessions of TLS 1.2 are used once as well
// (TestSessionBeginsWithItsVersion).
func isTLS12(session []byte) bool {
	return len(session) >= 2 && binary.BigEndian.Uint16(session) == tls.VersionTLS12
}
