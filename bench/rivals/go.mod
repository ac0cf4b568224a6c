module github.com/headrace-go/headrace/bench/rivals

go 1.26.0

require (
	github.com/bytedance/gopkg v0.1.4
	github.com/hashicorp/yamux v0.1.2
	github.com/headrace-go/headrace v0.0.0
	github.com/headrace-go/headrace/bench v0.0.0
	github.com/jackc/puddle/v2 v2.2.3
	github.com/libp2p/go-buffer-pool v0.1.0
	github.com/quic-go/quic-go v0.65.0
	github.com/sagernet/sing v0.9.4
	github.com/sagernet/sing-mux v0.3.6
	github.com/sagernet/sing-shadowsocks v0.2.8
	github.com/summerwind/h2spec v2.2.1+incompatible
	github.com/valyala/bytebufferpool v1.0.0
	github.com/xtaci/smux v1.5.58
	golang.org/x/net v0.62.0
)

require (
	github.com/fatih/color v1.19.0 // indirect
	github.com/klauspost/cpuid/v2 v2.0.12 // indirect
	github.com/mattn/go-colorable v0.1.14 // indirect
	github.com/mattn/go-isatty v0.0.20 // indirect
	github.com/sagernet/smux v1.5.50-sing-box-mod.1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	lukechampine.com/blake3 v1.3.0 // indirect
)

replace (
	github.com/headrace-go/headrace => ../../
	github.com/headrace-go/headrace/bench => ../
)
