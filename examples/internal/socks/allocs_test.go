package socks_test

import (
	"io"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/socks"
)

// A recording plays what a client sends, and drops what it is sent.
type recording struct {
	strings.Reader
	io.Writer
}

func TestAcceptAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("under -race a sync.Pool drops objects at random")
	}
	const (
		greeting = "\x05\x01\x00"
		byIP     = "\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50"
		byName   = "\x05\x01\x00\x03\x07example\x00\x50"
	)
	for _, tt := range []struct {
		name, client string
		want         float64
	}{
		{"ip", greeting + byIP, 0},
		{"name", greeting + byName, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &recording{Writer: io.Discard}
			got := minAllocs(func() {
				s.Reset(tt.client)
				if _, err := socks.Accept(s, nil); err != nil {
					t.Fatal(err)
				}
				if err := socks.Grant(s, nil); err != nil {
					t.Fatal(err)
				}
			})
			if got > tt.want {
				t.Errorf("an opening allocates %g objects, want at most %g", got, tt.want)
			}
		})
	}
}

// minAllocs is the least of some runs: a collection may empty a pool in any.
func minAllocs(f func()) float64 {
	least := testing.AllocsPerRun(100, f)
	for range 5 {
		least = min(least, testing.AllocsPerRun(100, f))
	}
	return least
}
