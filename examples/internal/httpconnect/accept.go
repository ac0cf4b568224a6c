// Package httpconnect is the opening of an HTTP proxy's CONNECT, from the
// proxy's side.
//
// Source: RFC 9110, section 9.3.6.
package httpconnect

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/headrace-go/headrace/bufpool"
)

var (
	// ErrMethod: the request is for something other than a tunnel.
	ErrMethod = errors.New("httpconnect: not a CONNECT request")

	// ErrAuth: the name or the password is wrong, or missing.
	ErrAuth = errors.New("httpconnect: wrong name or password")

	// ErrRequest: there is no request, or one that cannot be understood.
	ErrRequest = errors.New("httpconnect: malformed request")
)

// maxHead is the longest head of a request that is read, in bytes.
const maxHead = 16 << 10

// heads lends the memory of heads while they are read: nobody knows before how
// long one is.
var heads = func() *bufpool.Growable {
	g, err := bufpool.NewGrowable(bufpool.GrowableConfig{Limit: maxHead, Keep: maxHead})
	if err != nil {
		panic(err)
	}
	return g
}()

// Looks reports whether what a client began with may be the method of a request.
func Looks(begun []byte) bool {
	for _, c := range begun {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return len(begun) > 0
}

// Accept reads a request of which begun has been read before, and returns where
// it wants to go, "host:port", and what the client has sent behind it. check,
// if not nil, must let the client in, and must not keep its arguments. If Accept
// fails the client has been told, as far as it has sent a request. rw must
// bound the time itself.
func Accept(rw io.ReadWriter, begun []byte, check func(user, password []byte) bool) (dest string, rest []byte, err error) {
	head := heads.Get()
	defer head.Release()
	end, err := readHead(head, rw, begun)
	if err != nil {
		if errors.Is(err, bufpool.ErrLimit) {
			return "", nil, told(rw, http.StatusRequestHeaderFieldsTooLarge, ErrRequest)
		}
		return "", nil, fmt.Errorf("httpconnect: request: %w", err)
	}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head.Bytes()[:end])))
	if err != nil {
		return "", nil, told(rw, http.StatusBadRequest, fmt.Errorf("%w: %w", ErrRequest, err))
	}
	if r.Method != http.MethodConnect {
		return "", nil, told(rw, http.StatusNotImplemented, fmt.Errorf("%w: %s", ErrMethod, r.Method))
	}
	if check != nil && !authorized(r, check) {
		return "", nil, told(rw, http.StatusProxyAuthRequired, ErrAuth)
	}
	if _, port, err := net.SplitHostPort(r.Host); err != nil || port == "" {
		return "", nil, told(rw, http.StatusBadRequest, fmt.Errorf("%w: host %q", ErrRequest, r.Host))
	}
	return r.Host, bytes.Clone(head.Bytes()[end:]), nil
}

var headEnd = []byte("\r\n\r\n")

// readHead reads until the end of the head, and returns where in text that is.
// It allocates nothing once text has grown (TestReadHeadAllocs).
func readHead(text *bufpool.Text, r io.Reader, begun []byte) (end int, err error) {
	pool := bufpool.Default()
	piece := pool.Get(1 << 10)
	defer pool.Put(piece)
	n := copy(piece, begun)
	for {
		from := max(text.Len()-len(headEnd)+1, 0)
		if _, err := text.Write(piece[:n]); err != nil {
			return 0, err
		}
		if i := bytes.Index(text.Bytes()[from:], headEnd); i >= 0 {
			return from + i + len(headEnd), nil
		}
		if n, err = r.Read(piece); n == 0 && err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
	}
}

// authorized reads the Basic scheme (RFC 7617) of Proxy-Authorization.
func authorized(r *http.Request, check func(user, password []byte) bool) bool {
	scheme, encoded, _ := strings.Cut(r.Header.Get("Proxy-Authorization"), " ")
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	user, password, ok := bytes.Cut(plain, []byte(":"))
	return ok && err == nil && strings.EqualFold(scheme, "Basic") && check(user, password)
}

// Grant tells the client that its tunnel stands.
func Grant(w io.Writer) error {
	if _, err := io.WriteString(w, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return fmt.Errorf("httpconnect: answer: %w", err)
	}
	return nil
}

// Refuse tells the client that its tunnel could not be made, and returns the
// cause, together with the error of telling it if there is one.
func Refuse(w io.Writer, cause error) error {
	status := http.StatusBadGateway
	if errors.Is(cause, os.ErrDeadlineExceeded) || errors.Is(cause, context.DeadlineExceeded) {
		status = http.StatusGatewayTimeout
	}
	return told(w, status, cause)
}

func told(w io.Writer, status int, cause error) error {
	challenge := ""
	if status == http.StatusProxyAuthRequired {
		challenge = "Proxy-Authenticate: Basic realm=\"proxy\"\r\n"
	}
	_, err := fmt.Fprintf(w, "HTTP/1.1 %d %s\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n", status, http.StatusText(status), challenge)
	if err != nil {
		return fmt.Errorf("%w (%w)", cause, err)
	}
	return cause
}
