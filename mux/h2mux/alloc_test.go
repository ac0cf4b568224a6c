package h2mux_test

import (
	"context"
	"io"
	"testing"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/invariants"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// TestAllocs: an exchange on an open stream allocates nothing on either side,
// be it short or long.
func TestAllocs(t *testing.T) {
	if raceEnabled || invariants.Enabled {
		t.Skip("pools drop what they are given, or books are kept, in this build")
	}
	a, b := faultconn.Sockets(t, "tcp")
	client, server := sessions(t, a, b, h2mux.Config{})
	go func() {
		st, err := server.Accept(context.Background())
		if err != nil {
			return
		}
		defer st.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := st.Read(buf)
			if err != nil {
				return
			}
			if _, err := st.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	st, err := client.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for _, size := range []int{64, 1350, 16384} {
		p := make([]byte, size)
		exchange := func() {
			if _, err := st.Write(p); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(st, p); err != nil {
				t.Fatal(err)
			}
		}
		for range 50 {
			exchange()
		}
		// A collection may empty the pools meanwhile: some rounds have none.
		least := testing.AllocsPerRun(100, exchange)
		for range 5 {
			least = min(least, testing.AllocsPerRun(100, exchange))
		}
		if least > 0 {
			t.Errorf("an exchange of %d bytes allocates %v times", size, least)
		}
	}
}
