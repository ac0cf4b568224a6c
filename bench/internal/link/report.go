package link

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/headrace-go/headrace/bench/internal/link/bridge"
)

// Report is what a link was set up to be, and what crossed it so far.
type Report struct {
	bridge.Report
	// CongestionControl is TCP's in the client's and in the server's namespace.
	CongestionControl [2]string `json:"congestion_control"`
	// DeviceDrops counts packets, single or multi-segment, that the client's and
	// the server's device lost because the bridge did not come to read them in
	// time. They are not in its own counts.
	DeviceDrops [2]int64 `json:"device_drops"`
}

// Report returns the state of the link.
func (l *Link) Report() (r Report, err error) {
	if r.Report, err = l.bridge.report(); err != nil {
		return Report{}, err
	}
	for side, end := range l.ends {
		if r.CongestionControl[side], err = end.congestionControl(); err != nil {
			return Report{}, err
		}
		err = end.do(func() (err error) {
			r.DeviceDrops[side], err = readDeviceDrops("/proc/thread-self/net/dev")
			return err
		})
		if err != nil {
			return Report{}, err
		}
	}
	return r, nil
}

// readDeviceDrops finds how many packets the device could not pass on in a file of
// the format of /proc/net/dev: a line for each device, its name, a colon, eight
// columns for what it received and eight for what it sent.
func readDeviceDrops(path string) (int64, error) {
	const sentDrops = 8 + 3
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("link: device counters: %w", err)
	}
	for line := range bytes.Lines(b) {
		name, counters, _ := strings.Cut(string(line), ":")
		if strings.TrimSpace(name) != device {
			continue
		}
		if fields := strings.Fields(counters); len(fields) > sentDrops {
			return strconv.ParseInt(fields[sentDrops], 10, 64)
		}
	}
	return 0, fmt.Errorf("link: no counters of %s in %s", device, path)
}
