// Package procfs reads what one process uses, from Linux' /proc. On other
// systems its functions return errors.
package procfs

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// RSS returns the resident memory of process pid in bytes. It reads
// smaps_rollup, which is exact; the counters in status and statm lag.
func RSS(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	return parseRollup(b)
}

func parseRollup(b []byte) (int64, error) {
	for line := range bytes.Lines(b) {
		rest, found := bytes.CutPrefix(line, []byte("Rss:"))
		if !found {
			continue
		}
		kb, found := strings.CutSuffix(strings.TrimSpace(string(rest)), " kB")
		n, err := strconv.ParseInt(kb, 10, 64)
		if !found || err != nil {
			return 0, fmt.Errorf("procfs: odd line in smaps_rollup: %q", line)
		}
		return n << 10, nil
	}
	return 0, fmt.Errorf("procfs: no Rss in smaps_rollup")
}

// FDs returns the number of open file descriptors of process pid.
func FDs(pid int) (int, error) {
	dir, err := os.Open(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	return len(names), err
}

// Listens reports whether a socket in the network namespace of process pid is
// bound to port: a TCP socket that listens, or a UDP socket.
func Listens(pid int, network string, port int) (bool, error) {
	for _, table := range []string{network, network + "6"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			return false, err
		}
		if tableHas(b, network, port) {
			return true, nil
		}
	}
	return false, nil
}

// tableHas looks for the port in a table like /proc/net/tcp.
func tableHas(table []byte, network string, port int) bool {
	const listen, unconnected = "0A", "07"
	state := listen
	if network == "udp" {
		state = unconnected
	}
	suffix := fmt.Sprintf(":%04X", port)
	lines := bufio.NewScanner(bytes.NewReader(table))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) > 3 && strings.HasSuffix(f[1], suffix) && f[3] == state {
			return true
		}
	}
	return false
}
