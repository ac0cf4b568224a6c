// Package hysteria2 is the protocol of Hysteria 2, both sides: TCP connections
// as streams of a QUIC connection that begins as HTTP/3, and UDP datagrams as
// its datagrams.
//
// A client shows its password in an HTTP request. To whoever does not know it,
// the server is the web server that Config.Site makes it. Congestion control is
// quic-go's: rates are not announced, and not asked for.
//
// What a peer can have us hold is bounded: 16 KiB of HTTP header, 261 bytes of
// address, 4 KiB of padding, which is not kept, for each connection 1 MiB of
// datagrams that are not complete and 512 UDP sessions of the server, and the
// windows and streams of quicmux.
//
// Source: https://v2.hysteria.network/docs/developers/Protocol/
package hysteria2
