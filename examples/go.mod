module github.com/headrace-go/headrace/examples

go 1.26.0

require (
	github.com/headrace-go/headrace v0.0.0
	github.com/quic-go/quic-go v0.65.0
	golang.org/x/crypto v0.58.0
)

require (
	github.com/quic-go/qpack v0.6.0 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

require (
	go.uber.org/goleak v1.3.0
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/headrace-go/headrace => ../
