//go:build !windows

package vecio

import "syscall"

const errNotConnected = syscall.ENOTCONN
