package burst

import (
	"io"
	"math"
	"syscall"

	"github.com/headrace-go/headrace/internal/readiness"
)

// An Opener opens what has arrived.
type Opener interface {
	// Gather opens records and adds their payloads to g, until g has most
	// bytes or is full, or no whole record is left. An error comes after what
	// was added.
	Gather(g *Payloads, most int64, join int) error
	// Fill is Arrivals.Fill, with errors as the layer tells them.
	Fill(wait bool, limit int) error
}

// A Delivery hands on what has arrived when it is opened.
type Delivery struct {
	Arrivals
	Rest []byte // a part of the buffer that is opened, and not handed on yet
	out  Outlet
}

// WriteTo hands all payloads on to dst until the end of the stream. It returns
// how many bytes dst has accepted; what it did not accept is the Rest.
func (d *Delivery) WriteTo(dst io.Writer, o Opener) (int64, error) {
	var total int64
	for {
		n, dstErr, err := d.deliver(dst, math.MaxInt64, o)
		total += n
		if dstErr != nil {
			return total, dstErr
		}
		if err == nil {
			err = o.Fill(true, math.MaxInt)
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// Step hands on what has arrived, up to the record that reaches most bytes, and
// never waits: see vecio.Stepper. If there is nothing, it leaves no more than a
// part of one record, settled.
func (d *Delivery) Step(dst io.Writer, most int, o Opener) (int64, error) {
	for reads := 0; ; reads++ {
		n, dstErr, err := d.deliver(dst, int64(most), o)
		if dstErr != nil {
			return n, dstErr
		}
		if n > 0 || err != nil || most <= 0 {
			return n, err
		}
		if reads == stepReads {
			d.Settle()
			return 0, nil
		}
		err = o.Fill(false, most)
		if err == readiness.ErrWouldBlock {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// stepReads is how often a Step reads in search of a payload: more than once,
// since a read may bring only a part of a record, or one that is for nobody, and
// not for ever, since a peer may send nothing else.
const stepReads = 4

// deliver opens the records that have arrived, until it has most bytes, and
// writes their payloads to dst. An error of the stream comes after everything
// before it has been delivered.
func (d *Delivery) deliver(dst io.Writer, most int64, o Opener) (n int64, dstErr, err error) {
	to := d.out.To(dst)
	g := Gather()
	for n < most && dstErr == nil {
		if len(d.Rest) > 0 {
			g.Add(d.Rest, to.Join())
			d.Rest = nil
		}
		if err = o.Gather(g, most-n, to.Join()); g.N == 0 {
			break
		}
		var k int64
		k, dstErr = to.Write(g)
		n += k
		d.Rest = g.From(k)
		g.Reset()
	}
	g.Free()
	return n, dstErr, err
}

// Tidy lets go of what is not needed until the next call. It reports whether
// that is everything, since the owner has closed the stream, or since that has
// ended and all that came before is handed on.
func (d *Delivery) Tidy(closed, ended bool) (over bool) {
	if closed || len(d.Rest) == 0 {
		d.Rest = nil // an empty slice too holds the buffer that it was cut from
	}
	switch {
	case d.Rest != nil:
	case closed || ended:
		d.Discard()
		return true
	case d.Empty():
		d.Drop()
	}
	return false
}

// Wakeup returns how to be told that there is something for a Step: at once if
// more says so, or if anything is left that is no record. If not, the buffer is
// settled.
func (d *Delivery) Wakeup(more bool) Wakeup {
	if more || len(d.Rest) > 0 || d.Pending() {
		return Wakeup{now: true}
	}
	d.Settle()
	d.bind()
	if d.sock != nil {
		return Wakeup{conn: d.sock.Conn()}
	}
	return Wakeup{layer: d.layer}
}

// A Wakeup is a way to be told of what a source brings.
type Wakeup struct {
	now   bool
	conn  syscall.Conn
	layer layer
}

// Arrange arranges for one call of wake, unless cancel is called before. It is
// nil if the source cannot do that. No lock may be held that wake takes: it may
// be called at once.
func (w Wakeup) Arrange(watch Watcher, wake func()) (cancel func()) {
	switch {
	case w.now:
		wake()
		return func() {}
	case w.conn != nil:
		return watch.Watch(w.conn, wake)
	case w.layer != nil:
		return w.layer.Ready(watch, wake)
	default:
		return nil
	}
}
