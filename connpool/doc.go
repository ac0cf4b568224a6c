// Package connpool keeps connections ready for use: a pool with keys, TLS
// sessions that can be resumed, server keys for them, socket options, and a
// dialer that puts these together.
//
// It is for proxies and clients that connect to the same peers again and again,
// and want a connection without the round trips that make one. Who sends HTTP
// requests has a pool in net/http already, and who talks to one database has a
// better one in its driver. Where a peer takes one request per connection and
// then closes it there is nothing to reuse; Pool.Warm and SessionCache help
// there too.
//
//	dialer := &connpool.Dialer{TLS: &tls.Config{}, Sessions: sessions}
//	pool, err := connpool.New(connpool.Config[string]{
//		Dial: func(ctx context.Context, address string) (net.Conn, error) {
//			return dialer.DialContext(ctx, "tcp", address)
//		},
//	})
//	conn, err := pool.Get(ctx, "origin.example:443")
//	if err := talk(conn); err != nil {
//		conn.Discard(err)
//	} else {
//		conn.Put()
//	}
//
// # Ownership
//
// A connection belongs to the Pool, and for a time to whoever has its Conn. Put,
// Discard, Close and Hijack end that; the handle then is of no use, and the next
// Get has a new one. Only a connection in its first state may be put back: with
// nothing unread, nothing under way, and no state left in the protocol above.
// The Pool looks for the first two and refuses what it finds.
//
// # What a dead connection looks like
//
// A peer's end, in order or by a reset, evicts an idle connection as soon as it
// arrives: one epoll descriptor watches all of them, on Linux. Get looks at the
// socket once more. Under TLS what has arrived may be session tickets, which
// are no end and no data: so it is read, as far as it goes without waiting. On
// other Unix systems there is no watcher, and Get finds out; on Windows the user
// does. A peer that vanishes
// without a word is the kernel's to find, and SocketOptions say how soon.
//
// A Pool sees a socket only under connections that are *net.TCPConn or
// *net.UnixConn, have it in NetConn as *tls.Conn does, or declare themselves
// transparent by TransparentConn. Of others it knows nothing; Config.Check may.
//
// # Concurrency
//
// All types are safe for concurrent use. An idle connection has no goroutine,
// no timer and no buffer. See Pool for the goroutines that there are.
package connpool
