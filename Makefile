# Needed: Go, make and git. What a target uses beyond those it installs itself
# where it can, and says so where it cannot; see .ci/need.

.PHONY: help scorecard test soak peers interop-full generate

# Each module is built with its own versions. GOWORK=off keeps the workspace,
# which is there for comfort, out of the tests.
GO := GOWORK=off go
NESTED := examples bench bench/rivals

export PATH := $(CURDIR)/.cache/peers/bin:$(PATH):/usr/sbin:/sbin

help:
	@echo 'make scorecard     measure the example programs; ARGS="-help" for more'
	@echo 'make test          test all modules'
	@echo 'make soak          run what takes minutes or needs statistics'
	@echo 'make peers         build and fetch the programs we compare with'
	@echo 'make interop-full  test against peers that are slow to build'
	@echo 'make generate      write generated files anew'

scorecard:
	GOWORK=auto go run ./bench/cmd/scorecard $(ARGS)

test:
	@.ci/need curl ip=iproute2 openssl gnutls-cli=gnutls-bin strace ssh=openssh-client
	@.ci/need nghttp=nghttp2-client h2load=nghttp2-client nghttpd=nghttp2-server
	@.ci/need -unpack ss-local=shadowsocks-libev ss-server=shadowsocks-libev trojan sshd=openssh-server nginx
	$(GO) test ./...
	for module in $(NESTED); do $(GO) -C $$module test ./... || exit; done

soak:
	HEADRACE_SOAK=1 $(GO) test -count=1 -timeout=2h ./...
	for module in $(NESTED); do HEADRACE_SOAK=1 $(GO) -C $$module test -count=1 -timeout=2h ./... || exit; done

peers: .cache/peers/bin/sing-box
	@.ci/need -unpack ss-local=shadowsocks-libev ss-server=shadowsocks-libev trojan microsocks

.cache/peers/bin/sing-box:
	GOBIN=$(CURDIR)/.cache/peers/bin $(GO) install -tags with_quic,with_utls github.com/sagernet/sing-box/cmd/sing-box@v1.14.1

interop-full: peers
	HEADRACE_INTEROP=full $(GO) -C examples test -count=1 -timeout=30m ./...

generate:
	$(GO) generate ./...
