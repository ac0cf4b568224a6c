// Package roles makes a test binary all the processes of a measurement: the load,
// the target, and a stand-in for the proxy between them.
package roles

import (
	"fmt"
	"os"
	"testing"

	"github.com/headrace-go/headrace/bench/internal/load"
	"github.com/headrace-go/headrace/bench/internal/standin"
	"github.com/headrace-go/headrace/bench/internal/target"
)

// Main is a TestMain that runs the tests, or the process that the first argument
// is the role of.
func Main(m *testing.M) {
	if len(os.Args) < 2 {
		os.Exit(m.Run())
	}
	var err error
	switch os.Args[1] {
	case load.Role:
		err = load.Main()
	case target.Role:
		err = target.Main(os.Args[2])
	case standin.Role:
		err = standin.Main(os.Args[2], os.Args[3])
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
