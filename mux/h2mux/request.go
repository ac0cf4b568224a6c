package h2mux

import (
	"fmt"
	"strings"
)

// A Field is one header field. Names are in lower case.
type Field struct{ Name, Value string }

// A Request is what a stream is opened with. The zero Request is a CONNECT to
// the Config's Authority.
type Request struct {
	// Method is the method; empty means CONNECT.
	Method string
	// Protocol makes a CONNECT an extended one (RFC 8441), which the server
	// must have allowed.
	Protocol string
	// Authority is the host and port that is meant. Empty means the Config's.
	Authority string
	// Scheme and Path belong to other methods and to extended CONNECT only.
	// Empty ones mean "https" and "/" there.
	Scheme, Path string
	// Header are further fields. Whoever reads a Request owns them.
	Header []Field
}

// A Response is the answer to a Request.
type Response struct {
	Status int
	Header []Field
}

// Value returns the value of the first of fields with that name, or "".
func Value(fields []Field, name string) string {
	for _, f := range fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

func (r *Request) method() string {
	if r.Method == "" {
		return methodConnect
	}
	return r.Method
}

func (r *Request) connect() bool { return r.Method == "" || r.Method == methodConnect }

const methodConnect = "CONNECT"

// check refuses what a peer would.
func (r *Request) check() error {
	if !validToken(r.method()) {
		return fmt.Errorf("h2mux: invalid method %q", r.Method)
	}
	if r.connect() && r.Protocol == "" && (r.Scheme != "" || r.Path != "") {
		return fmt.Errorf("h2mux: CONNECT has no scheme and no path")
	}
	if !r.connect() && r.Protocol != "" {
		return fmt.Errorf("h2mux: method %q has no protocol", r.Method)
	}
	for _, v := range []string{r.Protocol, r.Authority, r.Scheme, r.Path} {
		if !validValue(v) {
			return fmt.Errorf("h2mux: invalid request %q", v)
		}
	}
	return checkFields(r.Header)
}

func checkFields(fields []Field) error {
	for _, f := range fields {
		if !validName(f.Name) || hopByHop(f.Name, f.Value) {
			return fmt.Errorf("h2mux: invalid header name %q", f.Name)
		}
		if !validValue(f.Value) {
			return fmt.Errorf("h2mux: invalid value of header %s", f.Name)
		}
	}
	return nil
}

// validName: a token in lower case (RFC 9113, section 8.2.1).
func validName(s string) bool {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' || !tokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func validToken(s string) bool {
	for i := range len(s) {
		if !tokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func tokenByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
}

// validValue: no control characters but tabs, no space around.
func validValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return s == "" || !space(s[0]) && !space(s[len(s)-1])
}

func space(b byte) bool { return b == ' ' || b == '\t' }

// hopByHop: fields about a connection, which HTTP/2 does not have (section
// 8.2.2).
func hopByHop(name, value string) bool {
	switch name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return true
	case "te":
		return value != "trailers"
	}
	return false
}
