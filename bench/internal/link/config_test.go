package link_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/headrace-go/headrace/bench/internal/link"
	"github.com/headrace-go/headrace/bench/internal/link/bridge"
)

func TestMultiSegment(t *testing.T) {
	for _, tt := range []struct{ rate, want int64 }{
		{1e6, 0}, {95e6, 0}, {96e6, 3000}, {1e9, 31250}, {2e9, 62500}, {10e9, 65536},
	} {
		if got := link.MultiSegment(bridge.Shape{Rate: tt.rate}); got != tt.want {
			t.Errorf("multiSegment at %d bit/s = %d, want %d", tt.rate, got, tt.want)
		}
	}
}

func TestReadDeviceDrops(t *testing.T) {
	const table = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
`
	for _, tt := range []struct {
		name, text string
		want       int64
		ok         bool
	}{
		{"there", table + " link0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", 12, true},
		{"no space after the colon", table + "link0:1 2 3 4 5 6 7 8 9 10 11 12345678901 13 14 15 16\n", 12345678901, true},
		{"another device", table, 0, false},
		{"cut short", table + "link0: 1 2 3\n", 0, false},
		{"not a number", table + "link0: 1 2 3 4 5 6 7 8 9 10 11 x 13 14 15 16\n", 0, false},
	} {
		path := filepath.Join(t.TempDir(), "dev")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := link.ReadDeviceDrops(path); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%s: readDeviceDrops = %d, %v, want %d", tt.name, got, err, tt.want)
		}
	}
}
