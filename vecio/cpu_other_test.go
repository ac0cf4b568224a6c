//go:build !unix

package vecio_test

import "time"

// cpuTime is not known here: the metric stays zero.
func cpuTime() time.Duration { return 0 }
