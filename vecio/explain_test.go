package vecio_test

import (
	"crypto/tls"
	"net"
	"runtime"
	"testing"

	"github.com/headrace-go/headrace/vecio"
)

func TestExplain(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the plans below are those of Linux")
	}
	tcp := func() net.Conn { return socketLeg(t, "tcp").inner }
	memory := memoryLeg(t).inner
	for _, tt := range []struct {
		name string
		a, b net.Conn
		want string
	}{
		{"sockets", tcp(), tcp(), "a to b: splice; b to a: splice"},
		{"wrapper", &counted{Conn: tcp()}, tcp(), "a to b: splice; b to a: splice"},
		{"prefix", vecio.Prefixed(tcp(), []byte("x")), tcp(),
			"a to b: read, no splice: *vecio.prefixed holds bytes of its own, no copy: *vecio.prefixed holds bytes of its own, no layer: *vecio.prefixed has no Step and Ready; " +
				"b to a: copy, no splice: *vecio.prefixed holds bytes of its own"},
		{"layer", newXorConn(tcp()), tcp(),
			"a to b: layer, no splice: *vecio_test.xorConn is no socket and not transparent, no copy: *vecio_test.xorConn is no socket and not transparent; " +
				"b to a: layer, no splice: *vecio_test.xorConn is no socket and not transparent, no copy: *vecio_test.xorConn reads for itself"},
		{"layer that cannot", stuckLayer{newXorConn(tcp())}, tcp(),
			"a to b: read, no splice: vecio_test.stuckLayer is no socket and not transparent, no copy: vecio_test.stuckLayer is no socket and not transparent, no layer: vecio_test.stuckLayer cannot step: of today; " +
				"b to a: layer, no splice: vecio_test.stuckLayer is no socket and not transparent, no copy: vecio_test.stuckLayer reads for itself"},
		{"tls", tls.Client(tcp(), nil), tcp(),
			"a to b: read, no splice: *tls.Conn is no socket and not transparent, no copy: *tls.Conn is no socket and not transparent, no layer: *tls.Conn has no Step and Ready; " +
				"b to a: copy, no splice: *tls.Conn is no socket and not transparent"},
		{"hidden half-close", struct{ net.Conn }{memory}, tcp(),
			"a to b: read, no splice: struct { net.Conn } is no socket and not transparent, no copy: struct { net.Conn } is no socket and not transparent, no layer: struct { net.Conn } has no Step and Ready; " +
				"b to a: copy, no splice: struct { net.Conn } is no socket and not transparent, no half-close"},
		{"ring", &ring{}, tcp(), ""},
	} {
		got := vecio.Explain(tt.a, tt.b).String()
		if tt.want != "" && got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// TestExplainKeepsItsWord compares the plan with what the relay then does.
func TestExplainKeepsItsWord(t *testing.T) {
	eachPair(t, func(t *testing.T, a, b leg, cfg vecio.RelayConfig) {
		plan := vecio.Explain(a.inner, b.inner)
		data := random(2<<20, 7)
		sent := fillUp(t, a.outer, data)
		cfg.MaxBurst = 16 << 10 // so that every burst of what is there is a full one
		done := start(t, t.Context(), a, b, cfg)
		go func() {
			if err := send(a.outer, data[sent:]); err != nil {
				t.Errorf("send: %v", err)
				a.outer.Close()
			}
		}()
		drain(b.outer)
		b.outer.Close()
		r := <-done
		if spliced := r.stats.AToB.Spliced > 0; spliced != (plan.AToB.Path == vecio.PathSplice && !vecio.IsPortable(cfg)) {
			t.Errorf("%d of %d bytes spliced, but the plan was %v", r.stats.AToB.Spliced, r.stats.AToB.Bytes, plan.AToB)
		}
	})
}

// stuckLayer says that it cannot step.
type stuckLayer struct{ *xorConn }

func (stuckLayer) CannotStep() string { return "of today" }

// ring is a wrapper that never comes to an end.
type ring struct{ net.Conn }

func (r *ring) TransparentConn() (net.Conn, func(read, written int64)) { return r, nil }
