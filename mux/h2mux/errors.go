package h2mux

import (
	"fmt"
	"strconv"

	"github.com/headrace-go/headrace/mux"
)

// A StatusError reports that the peer has answered a CONNECT with a status
// other than 2xx: there is no tunnel.
type StatusError struct {
	Status int
	Header []Field
}

// Error names the status.
func (e *StatusError) Error() string {
	return "h2mux: tunnel refused with status " + strconv.Itoa(e.Status)
}

// connError is what the peer did to break the whole connection.
func connError(code mux.Code, reason string) error {
	return &mux.SessionError{Code: code, Reason: reason}
}

// checkCode refuses codes that a frame has no room for.
func checkCode(code mux.Code) error {
	if code > 1<<32-1 {
		return fmt.Errorf("h2mux: code %d does not fit into 32 bits", uint64(code))
	}
	return nil
}
