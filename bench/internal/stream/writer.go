package stream

import (
	"encoding/binary"
	"io"
	"net"
)

// A Writer sends one stream.
type Writer struct {
	dst    io.Writer
	seed   uint64
	seq    uint64
	sent   uint64
	header [headerSize]byte
	vec    [2][]byte
	bufs   net.Buffers
}

// NewWriter returns a Writer of the stream seed. On a *net.TCPConn a frame is
// one gathered write, on anything else two writes.
func NewWriter(dst io.Writer, seed uint64) *Writer {
	return &Writer{dst: dst, seed: seed}
}

// WriteFrame sends a frame with n bytes of payload; last ends the stream.
// n must be at most MaxPayload. It does not allocate (TestWriteFrameAllocs).
func (w *Writer) WriteFrame(n int, last bool) error {
	length := uint32(n)
	if last {
		length |= lastFlag
	}
	binary.BigEndian.PutUint32(w.header[0:], length)
	binary.BigEndian.PutUint32(w.header[4:], check(w.seed, w.seq, length))
	binary.BigEndian.PutUint64(w.header[8:], w.seq)
	w.vec[0], w.vec[1] = w.header[:], payload(w.seed, w.seq, n)
	w.bufs = w.vec[:]
	sent, err := w.bufs.WriteTo(w.dst)
	w.sent += uint64(sent)
	w.seq++
	return err
}

// Sent is the number of bytes sent, headers included.
func (w *Writer) Sent() uint64 { return w.sent }
