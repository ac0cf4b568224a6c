//go:build !linux

package readiness

import "github.com/headrace-go/headrace/internal/peel"

// A Room would tell whether a stream socket takes more.
type Room struct{}

// NewRoom returns nil.
func NewRoom(*peel.Socket) *Room { return nil }

// Free is never called.
func (*Room) Free() bool { return true }

// Wait is never called.
func (*Room) Wait() {}
