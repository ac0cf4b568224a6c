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

// Memory returns the resident memory of process pid in bytes: its anonymous
// and its shared memory. The pages of files that it maps, the program itself
// above all, are left out: the kernel takes them from an idle process and
// gives them back as it likes, which would hide or fake what connections cost.
// It reads smaps_rollup, which is exact; the counters in status and statm lag.
func Memory(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	return parseRollup(b)
}

func parseRollup(b []byte) (int64, error) {
	var sum int64
	for _, name := range []string{"Pss_Anon:", "Pss_Shmem:"} {
		_, rest, found := bytes.Cut(b, []byte("\n"+name))
		line, _, _ := strings.Cut(string(rest), "\n")
		kb, isKB := strings.CutSuffix(strings.TrimSpace(line), " kB")
		n, err := strconv.ParseInt(kb, 10, 64)
		if !found || !isKB || err != nil {
			return 0, fmt.Errorf("procfs: no %s in smaps_rollup", name)
		}
		sum += n << 10
	}
	return sum, nil
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
