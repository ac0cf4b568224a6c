package tlsrecord

import (
	"crypto/tls"
	"fmt"

	"github.com/headrace-go/headrace/aead"
)

// An Explanation tells who protects the records of a connection.
type Explanation struct {
	// Taken says that this package does.
	Taken bool
	// Why says why crypto/tls does, if so.
	Why string
	// Suite is the cipher suite of TLS, such as "TLS_AES_128_GCM_SHA256", and
	// Backend what of aead.Backends seals long records under it.
	Suite   string
	Backend string
}

// String is all of it in one line.
func (e Explanation) String() string {
	if !e.Taken {
		return fmt.Sprintf("%s by crypto/tls: %s", e.Suite, e.Why)
	}
	return fmt.Sprintf("%s by aead's %s", e.Suite, e.Backend)
}

// Explain tells who protects the records, and why.
func (c *Conn) Explain() Explanation {
	e := Explanation{Suite: tls.CipherSuiteName(c.state.CipherSuite), Taken: c.top == nil, Why: c.why}
	if e.Taken {
		suite := suiteOf(c.state.CipherSuite).aead
		for _, b := range aead.Backends() {
			if b.Suite == suite && b.Unavailable == "" && b.From >= 0 {
				e.Backend = b.Name
				break
			}
		}
	}
	return e
}

// CannotStep says why Ready can only return nil since crypto/tls protects the
// records, and is empty if it does not. vecio.Explain asks for it.
func (c *Conn) CannotStep() (why string) {
	if c.top == nil {
		return ""
	}
	return "crypto/tls protects the records: " + c.why
}
