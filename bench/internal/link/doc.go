// Package link puts a client and a server at the two ends of a slow, long wire
// inside one Linux machine, so that a benchmark can see what a protocol costs
// where the network is the bottleneck and not the processor.
//
// Each end is a network namespace with a TUN device; the linkbridge program,
// a process of its own, carries the packets between them with a rate, a delay
// and a bounded queue (package bridge), and loses some if it is told to. It is
// for benchmarks and tests; it simulates neither jitter nor reordering, and only
// one hop.
//
//	l, err := link.New(ctx, link.Config{Bridge: "./linkbridge"})
//	if err != nil {
//		return err // errors.Is(err, link.ErrUnavailable): needs Linux and root
//	}
//	defer l.Close()
//	measured, err := l.Check(ctx) // errors.Is(err, link.ErrVoid): no measurement on it counts
//	server := exec.Command("./server", "-listen", netip.AddrPortFrom(l.Addr(link.Server), 8388).String())
//	err = l.Start(link.Server, server)
//
// Nothing stays behind, whatever ends the program: a namespace lives only as
// long as a process or an open file is in it, a device as long as the bridge,
// and the kernel kills the processes that Start started when their parent dies,
// be it by SIGKILL. There are no names that two runs could both use, and nothing
// for a later run to clean up.
//
// It needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN), /dev/net/tun, and the ip
// program (Debian package iproute2).
//
// A Link may be used from several goroutines. Each Link holds two threads and
// four goroutines until Close.
package link
