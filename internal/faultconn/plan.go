package faultconn

import "fmt"

// A Plan says how a wrapped conn misbehaves. The zero Plan does not.
type Plan struct {
	Read, Write Script
	// CloseErr is what Close returns after it has closed the conn below.
	CloseErr error
}

// A Script is the plan for one direction.
type Script struct {
	// MaxBytes bounds what moves at once: a Read returns at most so many
	// bytes, a Write passes its bytes on in pieces of at most so many.
	// Zero means no bound.
	MaxBytes int
	// Seed, unless zero, draws the size of each piece from 1..MaxBytes.
	Seed uint64
	// Short makes a Write return after its first piece with no error, as a
	// system call may and a net.Conn must not: callers have to finish the
	// rest or report io.ErrShortWrite. It has no meaning for reads.
	Short bool
	// Faults strike in this order, so their offsets must not fall.
	Faults []Fault
}

// A Fault strikes once After bytes have moved in its direction: the call that
// moves the last of them returns without error, unless it has more to write.
type Fault struct {
	After int64
	Kind  Kind
}

// Kind is what a Fault does.
type Kind int

const (
	// Timeout fails one call with ErrTimeout; the next one goes on. Several
	// at the same offset make a storm.
	Timeout Kind = iota
	// Stall blocks until Resume, the deadline or Close.
	Stall
	// End makes every later Read return io.EOF and every later Write fail
	// with syscall.EPIPE. The other direction goes on.
	End
	// Reset ends the conn in both directions: its calls, blocked ones too,
	// fail with syscall.ECONNRESET. The conn below is aborted, so that its
	// peer sees a reset too, where the conn below can express one.
	Reset
)

func (k Kind) String() string {
	switch k {
	case Timeout:
		return "timeout"
	case Stall:
		return "stall"
	case End:
		return "end"
	case Reset:
		return "reset"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// check panics if the script makes no sense: a plan is the test's own code.
func (s Script) check() {
	if s.MaxBytes < 0 {
		panic("faultconn: negative MaxBytes")
	}
	if s.MaxBytes == 0 && (s.Seed != 0 || s.Short) {
		panic("faultconn: Seed and Short need MaxBytes")
	}
	var last int64
	for _, f := range s.Faults {
		if f.After < last {
			panic("faultconn: fault offsets must not fall")
		}
		if f.Kind < Timeout || f.Kind > Reset {
			panic("faultconn: unknown " + f.Kind.String())
		}
		last = f.After
	}
}

// maxDrawnFaults bounds the faults of one drawn script.
const maxDrawnFaults = 4

// Draw makes a plan for a conversation of about size bytes in each direction:
// pieces of some size, and up to four faults of the given kinds per direction.
// intn(n) must return a number in [0, n); Draw calls it a bounded number of
// times. From math/rand/v2 pass a Rand's IntN. From a property-testing library
// pass its draw: zeros give the plan without faults, so failures shrink to it.
//
// Without kinds the plan only breaks the bytes into pieces: all of them must
// arrive. Draw never sets Short or CloseErr.
func Draw(intn func(n int) int, size int, kinds ...Kind) Plan {
	return Plan{
		Read:  drawScript(intn, size, kinds),
		Write: drawScript(intn, size, kinds),
	}
}

func drawScript(intn func(n int) int, size int, kinds []Kind) Script {
	pieces := [...]int{0, 16384, 1448, 100, 16, 3, 2, 1}
	s := Script{MaxBytes: pieces[intn(len(pieces))]}
	if s.MaxBytes > 0 {
		s.Seed = uint64(intn(1 << 30))
	}
	if len(kinds) == 0 {
		return s
	}
	var after int64
	for range intn(maxDrawnFaults + 1) {
		after += int64(intn(max(1, size-int(after)+1)))
		s.Faults = append(s.Faults, Fault{After: after, Kind: kinds[intn(len(kinds))]})
	}
	return s
}
