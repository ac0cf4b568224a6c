package hysteria2

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"

	"github.com/quic-go/quic-go/quicvarint"

	"github.com/headrace-go/headrace/examples/internal/socks"
)

const (
	// requestID is what a stream for a TCP connection begins with.
	requestID = 0x401
	// maxAddress is the length of the longest address: a name of 255 bytes, a
	// colon and a port.
	maxAddress = 261
	// maxPadding and maxMessage bound what a peer can have us read for nothing.
	maxPadding = 4096
	maxMessage = 2048
	// maxRequest and maxResponse are the lengths of what is sent at most, but for
	// the words of a refusal.
	maxRequest  = 2 + 2 + maxAddress + 2 + 512
	maxResponse = 1 + 1 + 2 + 1024
)

// The answers to a request.
const (
	statusOK    = 0
	statusError = 1
)

var (
	// ErrRequest: a stream begins with something else than a request, or a
	// malformed one.
	ErrRequest = errors.New("hysteria2: malformed request")
	// ErrResponse: the answer to a request is malformed.
	ErrResponse = errors.New("hysteria2: malformed response")
	// ErrAddress: that is no address.
	ErrAddress = errors.New("hysteria2: malformed address")
)

// A RefusedError says why the server could not do as it was asked to.
type RefusedError struct{ Message string }

// Error has the server's words.
func (e *RefusedError) Error() string { return fmt.Sprintf("hysteria2: refused: %q", e.Message) }

// AppendRequest appends the request for dest, padded to some length.
func AppendRequest(dst []byte, dest socks.Addr) []byte {
	address := dest.String()
	dst = quicvarint.Append(dst, requestID)
	dst = append(quicvarint.Append(dst, uint64(len(address))), address...)
	return appendPadding(dst, 64, 512)
}

// ReadRequest reads a request from r, and nothing behind it.
func ReadRequest(r io.Reader) (socks.Addr, error) {
	x := reader{r: r}
	if id := x.varint(); x.err == nil && id != requestID {
		return socks.Addr{}, fmt.Errorf("%w: type %#x", ErrRequest, id)
	}
	address := bytes.Clone(x.text(maxAddress)) // skip uses the memory
	x.skip(maxPadding)
	if x.err != nil {
		return socks.Addr{}, fmt.Errorf("%w: %w", ErrRequest, x.err)
	}
	return ParseAddress(address)
}

// AppendResponse appends the answer to a request, padded to some length: that
// the destination was reached, or why not.
func AppendResponse(dst []byte, refusal error) []byte {
	if refusal == nil {
		dst = append(dst, statusOK, 0)
	} else {
		message := refusal.Error()
		message = message[:min(len(message), maxMessage)]
		dst = append(dst, statusError)
		dst = append(quicvarint.Append(dst, uint64(len(message))), message...)
	}
	return appendPadding(dst, 128, 1024)
}

// ReadResponse reads the answer from r, and nothing behind it. It fails with a
// *RefusedError if that is a refusal.
func ReadResponse(r io.Reader) error {
	x := reader{r: r}
	status := x.byte()
	message := string(x.text(maxMessage))
	x.skip(maxPadding)
	switch {
	case x.err != nil:
		return fmt.Errorf("%w: %w", ErrResponse, x.err)
	case status == statusOK:
		return nil
	case status == statusError:
		return &RefusedError{message}
	}
	return fmt.Errorf("%w: status %#x", ErrResponse, status)
}

// ParseAddress returns the destination that b, "host:port", is. The host may be
// an IPv6 address in brackets.
func ParseAddress(b []byte) (socks.Addr, error) {
	if len(b) > maxAddress {
		return socks.Addr{}, ErrAddress
	}
	text := string(b)
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return socks.Addr{IP: ap.Addr().Unmap().WithZone(""), Port: ap.Port()}, nil
	}
	host, service, err := net.SplitHostPort(text)
	if err != nil {
		return socks.Addr{}, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || !validName(host) {
		return socks.Addr{}, fmt.Errorf("%w: %q", ErrAddress, text)
	}
	return socks.Addr{Name: host, Port: uint16(port)}, nil
}

// validName keeps out what could forge a line of a log.
func validName(name string) bool {
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' {
			return false
		}
	}
	return name != "" && len(name) <= 255
}

// appendPadding appends the length and the letters of a padding of least to most
// bytes. They hide how long the rest is, and nothing else.
func appendPadding(dst []byte, least, most int) []byte {
	n := least + rand.IntN(most-least)
	dst = quicvarint.Append(dst, uint64(n))
	return appendLetters(dst, n)
}

func appendLetters(dst []byte, n int) []byte {
	for n > 0 {
		for bits, k := rand.Uint64(), min(n, 12); k > 0; k, n, bits = k-1, n-1, bits>>5 {
			dst = append(dst, 'a'+byte(bits&31)%26)
		}
	}
	return dst
}

// A reader reads the parts of a message. After an error it reads no more.
type reader struct {
	r   io.Reader
	buf [512]byte // as much as a request has: only words of refusal are longer
	err error
}

func (x *reader) bytes(n int) []byte {
	buf := x.buf[:]
	if n > len(buf) {
		buf = make([]byte, n)
	}
	if x.err == nil {
		_, x.err = io.ReadFull(x.r, buf[:n])
	}
	if x.err == io.EOF {
		x.err = io.ErrUnexpectedEOF
	}
	if x.err != nil {
		return nil
	}
	return buf[:n]
}

func (x *reader) byte() byte {
	if b := x.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (x *reader) varint() uint64 {
	first := x.byte()
	n := 1 << (first >> 6)
	value := uint64(first & 0x3f)
	for _, b := range x.bytes(n - 1) {
		value = value<<8 | uint64(b)
	}
	return value
}

var errTooLong = errors.New("too long")

func (x *reader) length(most int) int {
	n := x.varint()
	if x.err == nil && n > uint64(most) {
		x.err = errTooLong
	}
	return int(min(n, uint64(most)))
}

// text reads a length, which must not exceed most, and so many bytes.
func (x *reader) text(most int) []byte { return x.bytes(x.length(most)) }

// skip reads the same, and forgets the bytes.
func (x *reader) skip(most int) {
	for n := x.length(most); n > 0 && x.err == nil; {
		n -= len(x.bytes(min(n, len(x.buf))))
	}
}
