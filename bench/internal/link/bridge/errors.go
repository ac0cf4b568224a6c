package bridge

import "errors"

// ErrUnavailable: this machine, or this user, cannot have a bridge. The text of
// the error that wraps it says what is missing.
var ErrUnavailable = errors.New("bridge: needs Linux, root (CAP_NET_ADMIN, CAP_SYS_ADMIN) and /dev/net/tun")
