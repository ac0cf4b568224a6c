package main

import "github.com/headrace-go/headrace/bufpool"

var bufpoolMeasurements = []measurement{
	{"bufpool/getput/64", perCall(getPut(64))},
	{"bufpool/getput/16448", perCall(getPut(16448))},
}

func getPut(size int) func() (func() error, func(), error) {
	return func() (func() error, func(), error) {
		pool, err := bufpool.New(bufpool.Config{})
		if err != nil {
			return nil, nil, err
		}
		return func() error {
			pool.Put(pool.Get(size))
			return nil
		}, func() {}, nil
	}
}
