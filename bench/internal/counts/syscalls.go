package counts

import (
	"context"
	"math"
)

// traces is how often a program is traced for the minimum.
const traces = 3

// Syscalls returns how many system calls the program makes per operation: it
// runs it for few operations and again for three times as many, so that what
// the program does before and after does not count, and takes the smallest
// difference of a few traces. drive makes the child do n operations.
func Syscalls(ctx context.Context, argv []string, few int, drive func(child Child, n int) error) (float64, error) {
	total := func(n int) (int, error) {
		calls, err := Trace(ctx, argv, func(c Child) error { return drive(c, n) })
		sum := 0
		for _, n := range calls {
			sum += n
		}
		return sum, err
	}
	least, most := math.MaxInt, math.MaxInt
	for range traces {
		a, err := total(few)
		if err != nil {
			return 0, err
		}
		b, err := total(3 * few)
		if err != nil {
			return 0, err
		}
		least, most = min(least, a), min(most, b)
	}
	return float64(most-least) / float64(2*few), nil
}
