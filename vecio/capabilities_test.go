package vecio_test

import (
	"runtime"
	"testing"

	"github.com/headrace-go/headrace/vecio"
)

func TestCapabilities(t *testing.T) {
	c := vecio.Capabilities()
	t.Log(c)
	if runtime.GOOS == "linux" != c.Mmsg {
		t.Errorf("Mmsg is %v on %s", c.Mmsg, runtime.GOOS)
	}
	if c.Splice != (c.PipeSize > 0) {
		t.Errorf("Splice %v, but pipes of %d bytes", c.Splice, c.PipeSize)
	}
}

func TestCapabilitiesString(t *testing.T) {
	all := vecio.SystemCapabilities{
		Splice: true, PipeSize: 1 << 20, PipeBudget: 64 << 20, Parking: true, Mmsg: true, UDPGSO: true, UDPGRO: true,
		FastOpen: vecio.FastOpen{Client: true, Server: true}, MPTCP: true,
	}
	want := "splice (pipes of 1024 KiB, 64 MiB a user), parking, mmsg, UDP GSO, UDP GRO, client fast open, server fast open, MPTCP"
	if got := all.String(); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	want = "no splice, no parking, no mmsg, no UDP GSO, no UDP GRO, no client fast open, no server fast open, no MPTCP"
	if got := (vecio.SystemCapabilities{}).String(); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
