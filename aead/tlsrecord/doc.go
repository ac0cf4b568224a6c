// Package tlsrecord is TLS 1.3 by crypto/tls, with records of its own: many to
// a system call both ways, opened and sealed in place by the fastest ciphers
// that package aead has.
//
// It is for whoever moves much over TLS, proxies above all. crypto/tls makes
// the handshake, and so decides who the peer is, with all that a [tls.Config]
// can ask for. Then the traffic secrets, which crypto/tls gives to a Config's
// KeyLogWriter, protect the records here:
//
//	conn, err := tlsrecord.Client(ctx, raw, &tls.Config{ServerName: "example.org"}, tlsrecord.Config{})
//	if err != nil {
//		raw.Close()
//		return err
//	}
//	defer conn.Close()
//
// Whatever is not TLS 1.3 as expected stays with crypto/tls, behind the same
// [Conn]: older versions, FIPS 140 mode, or a crypto/tls that has come to behave
// in another way. [Conn.Explain] tells. A connection is never weaker than
// crypto/tls would have made it; DESIGN.md has the argument.
//
// Who needs a *tls.Conn, as net/http does to speak HTTP/2, should take
// crypto/tls.
//
// # Ownership
//
// A Conn owns the connection below. Slices in calls are lent for the duration
// of the call. Buffers come from Config.Pool, are taken when bytes are there,
// and go back when these have left: while idle a Conn holds at most the part of
// one record.
//
// # Concurrency
//
// A Conn is safe for concurrent use in the way of a net.Conn. The package
// starts no goroutine.
//
// # Secrets
//
// A KeyLogWriter of the caller's goes on to be told of the secrets, and is the
// only way by which they leave. What this package copies of them it overwrites
// when it is done, down to the lines of the key log; what crypto/tls keeps, and
// the keys inside a cipher, go with the garbage collector.
package tlsrecord
