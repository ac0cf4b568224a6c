package vecio

import (
	"net"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/peel"
	"github.com/headrace-go/headrace/internal/readiness"
)

// What has been read lies in memory until the destination takes it, which may
// be never. So a flow that moves much asks first whether its destination has
// room, and leaves the bytes in the kernel while it has none. Of a message that
// does not fill a read the rest would be little: for that nothing is asked.

// manyBytes from a layer are as good as a read that came back full.
const manyBytes = growth.Floor / 2

// crowded reports whether the flow moves much, and its destination takes
// nothing now.
func (f *flow) crowded() bool {
	if !f.eager || f.roomless {
		return false
	}
	if f.room == nil {
		f.room = f.findRoom()
		f.roomless = f.room == nil
	}
	return !f.roomless && !f.room.Free()
}

// awaitRoom returns when the destination takes more. The source has bytes, or
// has ended.
func (f *flow) awaitRoom() {
	f.holding.Store(true) // they would be lost
	f.room.Wait()
	f.holding.Store(false)
}

// findRoom returns the room of the socket that the destination writes to, or
// nil if that is not known.
func (f *flow) findRoom() *readiness.Room {
	if f.r.cfg.portable {
		return nil
	}
	if f.sockTo != nil {
		return readiness.NewRoom(f.sockTo)
	}
	var below net.Conn
	switch dst := f.dest().(type) {
	case *steppedConn:
		below = dst.under.raw
	case layered:
		if l, ok := dst.(interface{ NetConn() net.Conn }); ok {
			below = l.NetConn()
		}
	}
	if p, ok := peel.Stream(below); ok {
		return readiness.NewRoom(p)
	}
	return nil
}
