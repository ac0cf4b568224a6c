package main

import (
	"context"
	"slices"

	"github.com/headrace-go/headrace/bench/internal/counts"
)

// measurements is everything the gate knows how to count, room by room.
var measurements = slices.Concat(bufpoolMeasurements, aeadMeasurements, connpoolMeasurements, vecioMeasurements, datagramMeasurements)

// perCall counts the allocations of one call of an operation; prepare makes
// the operation, and what ends it.
func perCall(prepare func() (op func() error, end func(), err error)) func(context.Context) (map[string]float64, error) {
	return func(context.Context) (map[string]float64, error) {
		op, end, err := prepare()
		if err != nil {
			return nil, err
		}
		defer end()
		var failure error
		objects, bytes := counts.Allocs(1000, func() {
			if err := op(); err != nil && failure == nil {
				failure = err
			}
		})
		return map[string]float64{"allocs/op": objects, "B/op": bytes}, failure
	}
}
