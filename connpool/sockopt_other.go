//go:build !linux && !darwin && !freebsd && !windows

package connpool

import "errors"

// Nothing is known of these systems: what is asked for is reported.
var (
	optKeepAlive, optKeepAliveIdle, optKeepAliveInterval, optKeepAliveCount option
	optUserTimeout, optFastOpenListen, optFastOpenConnect, optNotSentLowat  option
	optReceiveBuffer, optSendBuffer, optMark, optDevice, optCongestion      option
)

func setInt(uintptr, option, int) error       { return errors.ErrUnsupported }
func setString(uintptr, option, string) error { return errors.ErrUnsupported }
