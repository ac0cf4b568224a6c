// Package bufpool is the memory of a proxy: buffers by size class, leases with
// headroom, ropes, arenas, and one budget over all of them.
//
// It is for code that moves bytes between sockets and knows how many at a time.
// Who needs a few buffers now and then should use make, and who needs text that
// grows bytes.Buffer: both are simpler, and right until a profile says
// otherwise.
//
//	pool := bufpool.Default()
//	buf := pool.Lease(headroom, 0, 16<<10) // room for a header, then for a read
//	defer buf.Release()
//	n, err := conn.Read(buf.Reserve())
//	if err == nil {
//		err = buf.Commit(n)
//	}
//	header, err := buf.Prepend(2)
//	binary.BigEndian.PutUint16(header, uint16(n))
//	_, err = target.Write(buf.Bytes()) // header and payload, in one piece
//
// # Ownership
//
// Who gets memory from this package holds it alone, until it gives it back;
// forgetting that costs a buffer, which the collector then frees, but nothing
// else. On an error the caller holds nothing new.
//
//   - A slice from Pool.Get belongs to the caller until Pool.Put. Put takes it
//     over with all that shares its memory. It must begin where Get's began.
//   - A Buf is held until Release. Passing a Buf passes the holding only where
//     it says so: Chain.Push takes over, everything else borrows. A copy of the
//     value is the same holder, and one Release ends them all.
//   - Share, Slice, SplitTo and SplitOff make new holders, each with a Release
//     of its own. The memory goes back with the last one, whichever it is.
//   - Only one holder may write to a byte. Split memory has one each. Bytes that
//     were shared belong to all and are read-only, for the first holder too;
//     its room around them is gone, until Reset finds it alone again.
//   - Slices from Bytes, Reserve and Prepend are borrowed from their Buf, and
//     end with it.
//   - Wrapped memory stays its owner's: read-only, until release has run.
//   - A Chain owns its Bufs. What is read, discarded or written is released on
//     the way; Reset releases the rest; PopFront hands one back.
//   - What an Arena handed out ends with its Reset, strings too. A Text ends
//     with its Release, an object with Objects.Put.
//
// A Buf that is used or released after its Release panics, in every build, even
// if its memory has been lent again: the value carries a generation. That is a
// mistake in the program. Sizes and offsets that a peer chose never panic: they
// are ErrNoRoom, ErrRange or ErrLimit, and change nothing.
//
// # Concurrency
//
// Pool, Objects, Growable, Budget and Account are safe for concurrent use. One
// holder of a Buf, one Chain, one Arena, one Text is for one goroutine at a
// time; different holders of the same memory need no lock. Nothing here starts
// a goroutine.
//
// # What Put cannot tell
//
// A buffer has no header: its class is in its capacity. Put refuses a slice
// that begins elsewhere, has another capacity or came from elsewhere, and
// counts it in Stats.Refused. It cannot tell a slice that was cut to exactly the
// capacity of another class by a three-index expression at a multiple of 64,
// nor one that was made elsewhere with exactly the capacity of a class (of
// these only 64 is a round number). And it does not see a second Put: whoever
// is not sure should hold a Buf.
//
// # The debug build
//
// Under the build tag headrace_debug, released memory is filled with 0xdb and
// looked at before it is lent again, and so are the bytes behind the end of a
// buffer when it comes back; a second Put panics; panics show the stacks of who
// had the memory and who gave it back; and Loans lists what is not given back,
// with the stack that took it, also if nobody has it any more. Without the tag
// no instruction of this is in the binary (TestDebugLeavesNoTrace).
//
// # Small buffers
//
// BenchmarkSmall takes scratch memory, touches it and is done; ns on one core
// of a Zen 5 virtual machine, with the allocations:
//
//	            64 B      1 KiB      16 KiB
//	stack       3  (0)    18   (0)    205   (0)    cleared each time
//	Arena       8  (0)     8   (0)     15   (0)    Reset after 16
//	Pool       18  (0)    18   (0)     18   (0)
//	Lease      29  (0)    29   (0)     29   (0)
//	make       47  (1)   160   (1)   2100   (1)
//
// So: up to a few hundred bytes use an array, if it stays on the stack; it does
// not if it is passed to an interface method such as io.Writer's (TestEscape).
// A header that is to be written belongs into the headroom of its payload
// anyway. Many temporaries that end together are an Arena's. Everything else,
// and everything from 1 KiB, is a Pool's.
package bufpool
