package procfs_test

import (
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/headrace-go/headrace/bench/internal/procfs"
)

func TestParseRollup(t *testing.T) {
	const text = "55d0-7ffe ---p 00000000 00:00 0   [rollup]\nRss:               10460 kB\nPss:                3160 kB\n" +
		"Pss_Anon:           2000 kB\nPss_File:           1000 kB\nPss_Shmem:           160 kB\nSwap:                  0 kB\n"
	if n, err := procfs.ParseRollup([]byte(text)); n != 2160<<10 || err != nil {
		t.Errorf("ParseRollup = %d, %v, want %d", n, err, 2160<<10)
	}
	for _, bad := range []string{"", "x\nPss_Anon: 12 kB\n", "x\nPss_Anon: 12 kB\nPss_Shmem: 12\n", "x\nPss_Anon: many kB\nPss_Shmem: 1 kB\n"} {
		if n, err := procfs.ParseRollup([]byte(bad)); err == nil {
			t.Errorf("ParseRollup(%q) = %d, want an error", bad, n)
		}
	}
}

func TestTableHas(t *testing.T) {
	const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1
   1: 0100007F:1F91 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 101 1
`
	const udp = `  sl  local_address rem_address   st tx_queue rx_queue
   5: 00000000:1F92 00000000:0000 07 00000000:00000000
`
	for _, c := range []struct {
		table, network string
		port           int
		want           bool
	}{
		{tcp, "tcp", 8080, true},
		{tcp, "tcp", 8081, false}, // connected, not listening
		{tcp, "tcp", 80, false},
		{udp, "udp", 8082, true},
		{"", "udp", 8082, false},
	} {
		if got := procfs.TableHas([]byte(c.table), c.network, c.port); got != c.want {
			t.Errorf("TableHas(%s, %d) = %v, want %v", c.network, c.port, got, c.want)
		}
	}
}

func TestOwnProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	pid := os.Getpid()
	ballast := make([]byte, 16<<20)
	for i := range ballast {
		ballast[i] = 1
	}
	mem, err := procfs.Memory(pid)
	if err != nil || mem < int64(len(ballast)) || mem > 1<<33 {
		t.Errorf("Memory = %d, %v, want at least %d", mem, err, len(ballast))
	}
	runtime.KeepAlive(ballast)
	before, err := procfs.CPU(pid)
	if err != nil {
		t.Fatal(err)
	}
	for x := uint32(1); ; x = x*1664525 + 1013904223 {
		if x%1024 != 0 {
			continue
		}
		if now, err := procfs.CPU(pid); err != nil || now > before+time.Millisecond {
			break // an endless loop here is a CPU clock that stands still
		}
	}
	fds, err := procfs.FDs(pid)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if more, err := procfs.FDs(pid); err != nil || more <= fds {
		t.Errorf("FDs = %d, %v after a Listen, %d before", more, err, fds)
	}
	if on, err := procfs.Listens(pid, "tcp", ln.Addr().(*net.TCPAddr).Port); !on || err != nil {
		t.Errorf("Listens = %v, %v, want true", on, err)
	}
}

func TestGoneProcess(t *testing.T) {
	const none = 1<<22 + 1 // above the largest pid_max
	if _, err := procfs.Memory(none); err == nil {
		t.Error("Memory of no process: no error")
	}
	if _, err := procfs.CPU(none); err == nil {
		t.Error("CPU of no process: no error")
	}
}
