module github.com/headrace-go/headrace/bench/rivals

go 1.26.0

require (
	github.com/headrace-go/headrace v0.0.0
	github.com/libp2p/go-buffer-pool v0.1.0
	github.com/valyala/bytebufferpool v1.0.0
)

replace github.com/headrace-go/headrace => ../../
