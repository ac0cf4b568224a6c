//go:build !linux

package main

import (
	"fmt"
	"runtime"

	"github.com/headrace-go/headrace/bench/internal/link/bridge"
)

func run(options) error {
	return fmt.Errorf("%w: this is %s", bridge.ErrUnavailable, runtime.GOOS)
}
