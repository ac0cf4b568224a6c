package tlsrecord

// sizes says how much content the next record has: little at the beginning of
// a stream, since a peer can use nothing of a record before all of it has come.
type sizes struct {
	growing int // bytes that are still to be sent in records that grow
	packets int // that the next record may fill
	small   int // bytes that are still to be sent in small records
}

// crypto/tls grows its records so: the first fills one packet of a cautious
// size, each one more than the last, until 128 KiB have left.
const (
	packetContent = 1208 - overhead
	growFor       = 128 << 10
	smallContent  = 4 << 10
)

// newSizes has records begin small unless fixed, and hold at most 4 KiB for
// the first so many bytes.
func newSizes(fixed bool, small int) sizes {
	s := sizes{growing: growFor, packets: 1, small: small}
	if fixed {
		s.growing = 0
	}
	return s
}

// next is the most that the next record may hold.
func (s *sizes) next() int {
	n := maxPlain
	if s.growing > 0 {
		n = min(n, s.packets*packetContent)
	}
	if s.small > 0 {
		n = min(n, smallContent)
	}
	return n
}

// note says that a record with n bytes was sealed.
func (s *sizes) note(n int) {
	if s.growing > 0 {
		s.growing -= n
		s.packets = min(s.packets+1, maxPlain/packetContent+1)
	}
	s.small = max(0, s.small-n)
}

// A source is several slices that are read in turn. It changes none of them.
type source struct {
	bufs [][]byte
	skip int // bytes of bufs[0] that have been read
}

func (s *source) size() int {
	n := -s.skip
	for _, b := range s.bufs {
		n += len(b)
	}
	return n
}

// read fills p, for which there must be enough.
func (s *source) read(p []byte) {
	for len(p) > 0 {
		n := copy(p, s.bufs[0][s.skip:])
		p = p[n:]
		if s.skip += n; s.skip == len(s.bufs[0]) {
			s.bufs, s.skip = s.bufs[1:], 0
		}
	}
}
