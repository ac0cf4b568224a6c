package link

import "github.com/headrace-go/headrace/bench/internal/link/bridge"

// Claim makes l believe that its link is of another shape.
func (l *Link) Claim(s bridge.Shape) { l.shape = s }

// BridgePID is the process of the bridge.
func (l *Link) BridgePID() int { return l.bridge.cmd.Process.Pid }

var (
	MultiSegment    = multiSegment
	ReadDeviceDrops = readDeviceDrops
)
