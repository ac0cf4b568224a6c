package h2mux

import "sync"

// A batch is what one write sends: control frames, then DATA of as many streams
// as there is room for. Payloads are borrowed from the writers, short ones are
// copied.
type batch struct {
	head []byte   // frame headers, control frames and short payloads, from the pool
	run  int      // where in head the part begins that is not in bufs yet
	bufs [][]byte // what is to be written, in order
	ends []int    // of frames, in bytes from the beginning of the batch
	segs []segment
	n    int // bytes
	from int // where the TLS record begins that the next frame goes into
}

// A segment is a part of what a stream wants to send.
type segment struct {
	stream *Stream
	n      int
}

const (
	// batchMax bounds the payloads of one write, so that what becomes urgent
	// meanwhile does not wait for long.
	batchMax   = 128 << 10
	stagedMax  = 64 << 10  // the same where payloads are copied
	stagedBulk = 256 << 10 // and nobody sends short ones
	maxSegs    = 64
	headMax    = 8 << 10
	copyMax    = 512           // payloads up to this length are copied
	recordMax  = 16384         // of a TLS record
	recordData = recordMax - 9 // of a frame that fills one
	// recordLeast is what must be left of a record for the beginning of a
	// stream's bytes to be put there.
	recordLeast = 1 << 10
)

var batches = sync.Pool{New: func() any {
	return &batch{bufs: make([][]byte, 0, 4*maxSegs), ends: make([]int, 0, 2*maxSegs), segs: make([]segment, 0, maxSegs)}
}}

func (b *batch) reset() {
	clear(b.bufs)
	clear(b.segs)
	b.head, b.run, b.bufs, b.ends, b.segs, b.n, b.from = nil, 0, b.bufs[:0], b.ends[:0], b.segs[:0], 0, 0
	batches.Put(b)
}

// flushRun puts the part of head that is not in bufs yet there.
func (b *batch) flushRun() {
	if len(b.head) > b.run {
		b.bufs = append(b.bufs, b.head[b.run:])
		b.run = len(b.head)
	}
}

// room reports whether one more frame fits.
func (b *batch) room() bool {
	return len(b.segs) < maxSegs && len(b.bufs) < cap(b.bufs)-8 && headMax-len(b.head) >= headerLen+copyMax
}

// record returns how long the payload of the next frame may be for the frame to
// end in the record that the last one has ended in, or else in the next.
func (b *batch) record() int {
	room := recordMax - (b.n - b.from) - headerLen
	if room < recordLeast {
		b.from, room = b.n, recordData
	}
	return room
}

// data appends a frame with the next n bytes that st wants to send.
func (b *batch) data(st *Stream, n int, end bool) {
	f := frame{length: n, typ: frameData, id: st.id}
	if end {
		f.flags = flagEndStream
	}
	b.head = appendFrame(b.head, f)
	b.n += headerLen + n
	b.ends = append(b.ends, b.n)
	if k := len(b.segs) - 1; k >= 0 && b.segs[k].stream == st {
		b.segs[k].n += n
	} else {
		b.segs = append(b.segs, segment{st, n})
	}
	st.left -= n
	st.busy += n
	for n > 0 {
		p := st.out[0][st.skip:]
		if len(p) > n {
			p = p[:n]
			st.skip += n
		} else {
			st.out, st.skip = st.out[1:], 0
		}
		n -= len(p)
		switch {
		case len(p) == 0:
		case len(p) <= copyMax && len(b.head)+len(p) <= headMax:
			b.head = append(b.head, p...)
		default:
			b.flushRun()
			b.bufs = append(b.bufs, p)
		}
	}
}

// collect fills b with what is to be sent now. The lock is held.
func (s *Session) collect(b *batch) {
	b.head = s.pool.Get(headMax)[:0]
	if s.carry != nil {
		b.bufs = append(b.bufs, s.carry)
		b.n = len(s.carry)
		b.ends = append(b.ends, b.n)
		return
	}
	if len(s.control) > 0 {
		if len(s.control) <= headMax/2 {
			b.head = append(b.head, s.control...)
			s.control = s.control[:0]
			s.shedControl()
			b.n = len(b.head)
		} else {
			s.sending, s.control = s.control, nil
			b.bufs = append(b.bufs, s.sending)
			b.n = len(s.sending)
		}
		b.ends = append(b.ends, b.n)
	}
	limit := batchMax
	if !s.direct {
		limit = stagedMax
		if s.sched.bulky() {
			limit = stagedBulk
		}
	}
	for s.window > 0 && b.n < limit && b.room() {
		st, most := s.sched.pick()
		if st == nil {
			break
		}
		// A turn is not cut for the limit: the rest would be a frame of its own.
		n := min(st.left, most, s.frameMax, int(min(st.credit, s.window)), max(limit-b.n, quantum))
		if s.aligns() {
			n = min(n, b.record())
		}
		n = b.fits(st, n)
		end := st.fin && n == st.left
		b.data(st, n, end)
		st.credit -= int64(n)
		s.window -= int64(n)
		s.queued -= n
		s.sched.sent(st, n)
		s.stats.BytesSent += uint64(n)
		if end {
			s.localEnded(st)
		}
	}
	b.flushRun()
}

// fits cuts n so that its pieces have room in b.
func (b *batch) fits(st *Stream, n int) int {
	entries := cap(b.bufs) - len(b.bufs) - 4
	have := -st.skip
	for i := 0; i < len(st.out); i++ {
		if have += len(st.out[i]); have >= n {
			return n
		}
		if entries -= 2; entries <= 2 {
			return max(have, 1)
		}
	}
	return n
}
