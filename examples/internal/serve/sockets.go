package serve

import (
	"net"
	"time"

	"github.com/headrace-go/headrace/connpool"
)

// sockets are the options of every TCP socket, on both legs: the default ones,
// with which a peer that has vanished is known in a minute.
var sockets connpool.SocketOptions

// Dialer returns what every program dials with.
func Dialer(timeout time.Duration) net.Dialer {
	return sockets.Dialer(net.Dialer{Timeout: timeout})
}

// listenConfig is what every program listens with.
func listenConfig() net.ListenConfig { return sockets.ListenConfig(net.ListenConfig{}) }
