// Package vecio moves bytes between connections with as few system calls and
// as little memory as the system allows: gathered writes, reads that take
// their buffer only when there is something to read, the relay at the heart
// of every proxy, and for UDP batches of datagrams and the table of flows.
//
//	err := vecio.Start(ctx, client, target, vecio.RelayConfig{}, func(s vecio.RelayStats, err error) {
//		log.Printf("%d bytes up, %d down: %v", s.AToB.Bytes, s.BToA.Bytes, err)
//	})
//
// It is not for files or pipes, and it is no framework: it takes connections
// that somebody else has accepted, dialed and authenticated. A program that
// copies a handful of streams is served by io.Copy just as well.
//
// # Memory
//
// An idle direction of a relay holds no buffer, a busy one 4 KiB, a bulk one up
// to 512 KiB out of a budget, and a stuck one what it could not send. Buffers are lent by a pool that the caller
// may bring; slices that a caller passes in are never kept and never changed.
//
// An idle flow of a FlowTable holds its socket and about a kilobyte. What is
// received is read into slabs of 64 KiB, taken when it is there; it is turned
// in place, or into slots of a second slab, and sent from there.
//
// # Fast paths
//
// Raw system calls are made on *net.UDPConn, and among streams on *net.TCPConn
// and *net.UnixConn only, found under any number of wrappers that have
//
//	TransparentConn() (inner net.Conn, moved func(read, written int64))
//
// Such a wrapper passes bytes through unchanged, returns the connection that
// it wraps, nil while it holds bytes of its own, and is told through moved of
// the bytes that went past it. Any other connection is used by its methods. A
// layer that changes bytes, such as a cipher stream, takes part by having the
// methods of Stepper, and of io.ReaderFrom for the way in.
//
// TLS is such a layer, if Coalesce is below it and Layered above.
//
// # Concurrency
//
// A relay owns its two connections, a Receiver and a FlowTable their sockets.
// Everything else here is as safe for concurrent use as the connection that it
// is given. The only state shared by the process is the default buffer pool,
// its budget, the pipes of spliced relays, which are made on demand and closed
// with the last relay, and the number of Receivers that wait for more.
package vecio
