module github.com/headrace-go/headrace/bench

go 1.26

require github.com/headrace-go/headrace v0.0.0

replace github.com/headrace-go/headrace => ../
