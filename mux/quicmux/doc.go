// Package quicmux carries mux streams over QUIC (RFC 9000), by quic-go.
//
//	s, err := quicmux.Dial(ctx, "origin:443", quicmux.Config{TLS: &tls.Config{
//		ServerName:         "origin",
//		NextProtos:         []string{"tunnel"},
//		ClientSessionCache: cache, // resumes, and with Early sends before the handshake
//	}})
//	...
//	st, err := s.Open(ctx)
//
// It is for tunnels that own both ends, and, by [Wrap], for protocols that run
// on a QUIC connection of their own and want its streams as mux streams. Who
// speaks HTTP/3 should take quic-go's http3.
//
// # Wire
//
// QUIC does not show a stream to the peer before something is sent on it. So a
// stream begins with one byte, 0, which leaves with the first Write, or alone
// with a Read that comes before. And QUIC has no word for a session that ends in
// good order: a unidirectional stream has it, a byte each for "no more streams"
// and "mine have all ended". Wrapped connections have neither, unless
// WrapConfig asks for it, nor have those of a Config that is Bare: what they carry
// is their user's alone.
//
// # What it costs
//
// A Write is copied once, into packets, by quic-go; a Read once, out of them. An
// idle stream has no goroutine and no buffer; a session has one goroutine beside
// quic-go's. A relay cannot park over a stream: QUIC streams cannot be watched,
// so that whoever waits for one does so in Read, or without a buffer in
// ReadReady.
//
// Datagrams leave joined, by quic-go, and on Linux they arrive joined, which
// quic-go alone does not have: Stats tells (GSO, GRO).
//
// Congestion control is quic-go's, and no other is promised. A session of Dial's
// that finds itself or its peer held back by a small congestion window, without
// a queue or a loss that explains it, moves to another local port, where slow
// start begins anew: Stats tells (Restarts). One connection is
// served by one of its goroutines: several connections, on sockets of their own,
// use several processors (mux.Pool).
//
// # Ownership, concurrency, errors
//
// Those of package mux. Slices are lent for the duration of a call.
package quicmux
