package suites

import "time"

// Thresholds is thresholds, of times in nanoseconds.
func Thresholds(times ...[]int) []int {
	var speeds [][]Speed
	for _, ts := range times {
		var out []Speed
		for _, t := range ts {
			out = append(out, Speed{Time: time.Duration(t)})
		}
		speeds = append(speeds, out)
	}
	return thresholds(speeds)
}
