//go:build !linux

package link

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

var errNotLinux = fmt.Errorf("%w: %w", ErrUnavailable, errors.ErrUnsupported)

// namespace exists on Linux only: newNamespace fails, and nothing else is called.
type namespace struct{ file *os.File }

func newNamespace() (*namespace, error) { return nil, errNotLinux }

func (*namespace) do(func() error) error              { return errNotLinux }
func (*namespace) start(*exec.Cmd) error              { return errNotLinux }
func (*namespace) configure(string) error             { return errNotLinux }
func (*namespace) congestionControl() (string, error) { return "", errNotLinux }
func (*namespace) close()                             {}
