package vecio

import (
	"fmt"
	"strings"
)

// SystemCapabilities is what a system offers to the fast paths, for logs.
type SystemCapabilities struct {
	Splice     bool // splice(2) between sockets
	PipeSize   int  // what a pipe is granted, in bytes; 0 without Splice
	PipeBudget int  // pipe memory of an unprivileged user, in bytes; 0: unlimited or unknown
	Parking    bool // idle relays need no goroutine
	Mmsg       bool // recvmmsg(2) and sendmmsg(2)
	UDPGSO     bool // UDP_SEGMENT: one send for many datagrams
	UDPGRO     bool // UDP_GRO: one receive for many datagrams
	FastOpen   FastOpen
	MPTCP      bool
}

// FastOpen says which sides may use TCP Fast Open (RFC 7413).
type FastOpen struct{ Client, Server bool }

// Capabilities asks the system. It opens and closes a few descriptors, and
// takes some tens of microseconds.
func Capabilities() SystemCapabilities { return capabilities() }

// String returns one line, such as
// "splice (pipes of 1024 KiB, 64 MiB a user), parking, mmsg, UDP GSO, no UDP GRO, ...".
func (c SystemCapabilities) String() string {
	var words []string
	add := func(has bool, name string) {
		if !has {
			name = "no " + name
		}
		words = append(words, name)
	}
	splice := "splice"
	if c.Splice {
		splice = fmt.Sprintf("splice (pipes of %d KiB", c.PipeSize>>10)
		if c.PipeBudget > 0 {
			splice += fmt.Sprintf(", %d MiB a user", c.PipeBudget>>20)
		}
		splice += ")"
	}
	add(c.Splice, splice)
	add(c.Parking, "parking")
	add(c.Mmsg, "mmsg")
	add(c.UDPGSO, "UDP GSO")
	add(c.UDPGRO, "UDP GRO")
	add(c.FastOpen.Client, "client fast open")
	add(c.FastOpen.Server, "server fast open")
	add(c.MPTCP, "MPTCP")
	return strings.Join(words, ", ")
}
