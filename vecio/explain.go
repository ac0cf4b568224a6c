package vecio

import (
	"fmt"
	"net"
	"strings"

	"github.com/headrace-go/headrace/internal/peel"
)

// A Path is a way for bytes through a relay. A larger one is a better one.
type Path uint8

const (
	// PathRead reads and writes by the connections' methods, and holds a
	// buffer of 4 KiB and a goroutine while idle.
	PathRead Path = iota
	// PathLayer takes bytes from a layer by Step, or gives them to one by
	// ReadFrom. While idle it holds no buffer and can be parked.
	PathLayer
	// PathCopy reads a socket into a buffer that is taken when there is
	// something to read. While idle it holds no buffer and can be parked.
	PathCopy
	// PathSplice is PathCopy that goes over to splice(2) while the flow is
	// bulk.
	PathSplice
)

// String returns "read", "layer", "copy" or "splice".
func (p Path) String() string { return [...]string{"read", "layer", "copy", "splice"}[p] }

// A Plan is what a relay between two connections would do.
type Plan struct {
	AToB, BToA Route
}

// String returns both routes in one line.
func (p Plan) String() string {
	return "a to b: " + p.AToB.String() + "; b to a: " + p.BToA.String()
}

// A Route is what a relay would do in one direction.
type Route struct {
	Path Path
	// Blocked says for each better path, the best first, what rules it out.
	Blocked []Block
	// HalfClose says that an end of stream can be handed on to the
	// destination before the relay ends.
	HalfClose bool
}

// String returns the path and whatever rules out better ones.
func (r Route) String() string {
	var b strings.Builder
	b.WriteString(r.Path.String())
	for _, block := range r.Blocked {
		b.WriteString(", " + block.String())
	}
	if !r.HalfClose {
		b.WriteString(", no half-close")
	}
	return b.String()
}

// A Block is a reason why a path is not taken.
type Block struct {
	Path  Path
	Layer string // the Go type in the way, "" if it is the system
	Why   string
}

// String returns the path that is ruled out, by what and why.
func (b Block) String() string {
	if b.Layer == "" {
		return fmt.Sprintf("no %v: %s", b.Path, b.Why)
	}
	return fmt.Sprintf("no %v: %s %s", b.Path, b.Layer, b.Why)
}

// Explain tells which paths a relay between a and b would take, and for each
// better one which layer is in its way. It touches neither connection.
func Explain(a, b net.Conn) Plan {
	return Plan{AToB: explain(a, b), BToA: explain(b, a)}
}

// A stepless Stepper is one that knows before it is asked whether its Ready can
// only return nil, and why.
type stepless interface {
	CannotStep() (why string)
}

func explain(src, dst net.Conn) Route {
	r := Route{HalfClose: canCloseWrite(dst)}
	srcBlock, dstBlock := blocking(src), blocking(dst)
	_, steps := src.(Stepper)
	unable := "has no Step and Ready"
	if s, ok := src.(stepless); ok && steps {
		if why := s.CannotStep(); why != "" {
			steps, unable = false, "cannot step: "+why
		}
	}
	_, fills := dst.(layered)
	switch {
	case srcBlock == nil && !fills:
		r.Path = PathCopy
	case srcBlock == nil, steps:
		r.Path = PathLayer
	}
	switch {
	case srcBlock != nil:
		r.block(PathSplice, *srcBlock)
	case dstBlock != nil:
		r.block(PathSplice, *dstBlock)
	case !canSplice:
		r.block(PathSplice, Block{Why: "this system does not splice sockets"})
	default:
		r.Path = PathSplice
	}
	if r.Path < PathCopy {
		if srcBlock != nil {
			r.block(PathCopy, *srcBlock)
		} else {
			r.block(PathCopy, Block{Layer: typeName(dst), Why: "reads for itself"})
		}
	}
	if r.Path < PathLayer {
		r.block(PathLayer, Block{Layer: typeName(src), Why: unable})
	}
	return r
}

func (r *Route) block(p Path, b Block) {
	b.Path = p
	r.Blocked = append(r.Blocked, b)
}

// blocking returns what hides the stream socket of c, or nil.
func blocking(c net.Conn) *Block {
	if _, ok := peel.Stream(c); ok {
		return nil
	}
	for depth := 0; depth < 16; depth++ {
		t, ok := c.(peel.Transparent)
		if !ok {
			break
		}
		inner, _ := t.TransparentConn()
		if inner == nil {
			return &Block{Layer: typeName(c), Why: "holds bytes of its own"}
		}
		c = inner
	}
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
		return &Block{Why: "this system has no raw access to " + c.LocalAddr().Network() + " sockets"}
	case peel.Transparent:
		return &Block{Layer: typeName(c), Why: "wraps itself"}
	}
	return &Block{Layer: typeName(c), Why: "is no socket and not transparent"}
}

func canCloseWrite(c net.Conn) bool {
	_, ok := closeWriterOf(c)
	return ok
}

func typeName(v any) string { return fmt.Sprintf("%T", v) }
