module github.com/headrace-go/headrace/bench

go 1.26.0

require (
	github.com/HdrHistogram/hdrhistogram-go v1.4.0
	go.uber.org/goleak v1.3.0
	golang.org/x/sys v0.49.0
)

replace github.com/headrace-go/headrace => ../
