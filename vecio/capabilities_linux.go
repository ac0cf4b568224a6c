package vecio

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func capabilities() SystemCapabilities {
	c := SystemCapabilities{Mmsg: true}
	if p := newPipe(); p != nil {
		c.Splice, c.PipeSize = true, p.size
		p.close()
	}
	c.PipeBudget = sysctl("fs/pipe-user-pages-soft") * os.Getpagesize()
	if p, err := NewParker(); err == nil {
		c.Parking = true
		_ = p.Close()
	}
	c.UDPGSO = accepts(unix.SOCK_DGRAM, 0, unix.UDP_SEGMENT, 1200)
	c.UDPGRO = accepts(unix.SOCK_DGRAM, 0, unix.UDP_GRO, 1)
	bits := sysctl("net/ipv4/tcp_fastopen") // ip-sysctl: 1 is the client, 2 the server
	c.FastOpen = FastOpen{Client: bits&1 != 0, Server: bits&2 != 0}
	c.MPTCP = accepts(unix.SOCK_STREAM, unix.IPPROTO_MPTCP, 0, 0)
	return c
}

// accepts reports whether there are sockets of this kind and they take the
// option, of level SOL_UDP, unless that is 0.
func accepts(kind, protocol, option, value int) bool {
	fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return option == 0 || unix.SetsockoptInt(fd, unix.SOL_UDP, option, value) == nil
}

// sysctl reads a number, which is 0 if it cannot be read.
func sysctl(name string) int {
	b, err := os.ReadFile("/proc/sys/" + name)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	return n
}
