package vecio

// Segmentation offload takes one message and a size. So the datagrams of a
// batch are cut into runs: neighbours of one destination, mark and size.

// maxSegments is the most datagrams that one message may be cut into.
// UDP_MAX_SEGMENTS in Linux was 64 up to version 6.8, and is 128 now.
const maxSegments = 64

// A cursor is a place in a batch: the entry, and where in its Data.
type cursor struct{ entry, offset int }

// next returns the datagram at a cursor and the cursor behind it.
func (at cursor) next(ms []Datagram) ([]byte, cursor) {
	d := &ms[at.entry]
	rest := d.Data[at.offset:]
	if d.Segment <= 0 || len(rest) <= d.Segment {
		return rest, cursor{entry: at.entry + 1}
	}
	return rest[:d.Segment], cursor{at.entry, at.offset + d.Segment}
}

// A run is a part of a batch that leaves as one message.
type run struct {
	end     cursor
	count   int // datagrams
	segment int // size of each but the last
	last    int // size of that one
	total   int // bytes
}

// runLimits say what may leave as one message.
type runLimits struct {
	segment  int  // the largest size of one datagram; 0: one by one
	parts    int  // the most pieces of memory
	tail     bool // the last one has to be shorter
	anywhere bool // the socket is connected: destinations are not looked at
}

// runAt returns the longest run that begins at a cursor. It calls piece with
// the memory of the run, in order; what is contiguous in an entry is one piece.
func runAt(ms []Datagram, at cursor, limits runLimits, piece func(b []byte, join bool)) run {
	b, end := at.next(ms)
	r := run{end: end, count: 1, segment: len(b), last: len(b), total: len(b)}
	piece(b, false)
	if len(b) == 0 || len(b) > limits.segment {
		return r
	}
	first, parts := &ms[at.entry], 1
	for r.count < maxSegments && r.last == r.segment && r.end.entry < len(ms) {
		d := &ms[r.end.entry]
		join := r.end.offset > 0
		if !join && (parts == limits.parts || d.ECN != first.ECN || !limits.anywhere && d.Addr != first.Addr) {
			break
		}
		b, end := r.end.next(ms)
		if len(b) == 0 || len(b) > r.segment || r.total+len(b) > MaxDatagram {
			break
		}
		if !join {
			parts++
		}
		piece(b, join)
		r.end, r.last = end, len(b)
		r.count++
		r.total += len(b)
	}
	return r
}
