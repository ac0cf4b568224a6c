package stream

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// A CorruptError says where a stream first differed from what was sent.
type CorruptError struct {
	Offset uint64
	What   string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("stream: corrupt at byte %d: %s", e.Offset, e.What)
}

// A Verifier checks one stream as it arrives, in pieces of any length.
type Verifier struct {
	seed   uint64
	seq    uint64
	seen   uint64
	header [headerSize]byte
	have   int    // bytes of the header that are there
	want   []byte // rest of the payload of this frame
	last   bool   // this frame is the last
	done   bool
	err    error
}

// NewVerifier returns a Verifier of the stream seed.
func NewVerifier(seed uint64) *Verifier { return &Verifier{seed: seed} }

// Write checks the next bytes of the stream. Its error is a *CorruptError
// and stays: nothing after the first difference is worth anything.
func (v *Verifier) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && v.err == nil {
		switch {
		case v.done:
			v.fail(0, fmt.Sprintf("%d bytes after the last frame", len(p)))
		case v.have < headerSize:
			k := copy(v.header[v.have:], p)
			v.have += k
			v.seen += uint64(k)
			p = p[k:]
			if v.have == headerSize {
				v.open()
			}
		default:
			k := min(len(v.want), len(p))
			if !bytes.Equal(p[:k], v.want[:k]) {
				i := 0
				for p[i] == v.want[i] {
					i++
				}
				v.fail(uint64(i), fmt.Sprintf("frame %d: got %#02x, want %#02x", v.seq, p[i], v.want[i]))
				break
			}
			v.want = v.want[k:]
			v.seen += uint64(k)
			p = p[k:]
			v.close()
		}
	}
	if v.err != nil {
		return n - len(p), v.err
	}
	return n, nil
}

// open checks the header and prepares for the payload.
func (v *Verifier) open() {
	length := binary.BigEndian.Uint32(v.header[0:])
	sum := binary.BigEndian.Uint32(v.header[4:])
	seq := binary.BigEndian.Uint64(v.header[8:])
	n := length &^ lastFlag
	v.last = n != length
	if seq != v.seq || sum != check(v.seed, v.seq, length) || n > MaxPayload {
		v.seen -= headerSize
		v.fail(0, fmt.Sprintf("header %x is not that of frame %d", v.header, v.seq))
		return
	}
	v.want = payload(v.seed, v.seq, int(n))
	v.close()
}

// close ends the frame once its payload is complete.
func (v *Verifier) close() {
	if len(v.want) == 0 {
		v.have = 0
		v.seq++
		v.done = v.last
	}
}

func (v *Verifier) fail(skip uint64, what string) {
	v.err = &CorruptError{Offset: v.seen + skip, What: what}
}

// Seen is the number of bytes checked, headers included.
func (v *Verifier) Seen() uint64 { return v.seen }

// Done reports whether the last frame has been checked completely.
func (v *Verifier) Done() bool { return v.done }

// ReadAll reads and checks the rest of the stream from src with buf as its
// buffer, and calls progress, if there is one, after each read. The end of
// src before the end of the stream is io.ErrUnexpectedEOF.
func (v *Verifier) ReadAll(src io.Reader, buf []byte, progress func(seen uint64) error) error {
	for !v.done {
		n, err := src.Read(buf)
		if _, bad := v.Write(buf[:n]); bad != nil {
			return bad
		}
		if progress != nil {
			if err := progress(v.seen); err != nil {
				return err
			}
		}
		if err == io.EOF && !v.done {
			return fmt.Errorf("stream: ended after %d bytes: %w", v.seen, io.ErrUnexpectedEOF)
		}
		if err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}
