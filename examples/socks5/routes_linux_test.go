package main

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/proxytest"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/internal/peertest"
)

// What the routes of the proxy's system say to a dial has its replies, too.
func TestRoutes(t *testing.T) {
	if !peertest.Namespace(t) {
		return
	}
	for _, route := range []string{"unreachable 192.0.2.0/24", "prohibit 198.51.100.0/24"} {
		args := append([]string{"route", "add"}, strings.Fields(route)...)
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %q: %v: %s", args, err, out)
		}
	}
	p := start(t)
	for _, tt := range []struct {
		dest string
		want socks.Reply
	}{
		{"192.0.2.1", socks.HostUnreachable},
		{"198.51.100.1", socks.NotAllowed},
		{"203.0.113.1", socks.NetworkUnreachable},
		{"2001:db8::1", socks.NetworkUnreachable},
	} {
		dest := socks.Addr{IP: netip.MustParseAddr(tt.dest), Port: 80}
		_, got := proxytest.Ask(t, p.Addr, proxytest.Request(dest))
		if got != tt.want {
			t.Errorf("%v: reply %d, want %d", dest, got, tt.want)
		}
		if line := p.LogLine(); !strings.Contains(line, dest.String()) {
			t.Errorf("%v: logged %q", dest, line)
		}
	}
	proxytest.Quiet(t, p)
}
