package vecio

import (
	"errors"
	"net"
	"os"
)

// readPortable reads one datagram by the standard library.
func (c *BatchConn) readPortable(ms []Datagram, p bufferPool) (int, error) {
	d := &ms[0]
	if p != nil {
		d.Buf = p.Get(slabSize)
	}
	n, _, flags, from, err := c.udp.ReadMsgUDPAddrPort(d.Buf, nil)
	truncated := flags&flagTruncated != 0
	if errors.Is(err, errMessageSize) { // how Windows says so
		n, truncated, err = len(d.Buf), true, nil
	}
	if err != nil {
		if p != nil {
			p.Put(d.Buf)
			d.Buf = nil
		}
		return 0, err
	}
	*d = Datagram{Buf: d.Buf, Data: d.Buf[:n], Addr: unmapped(from), Truncated: truncated}
	if c.connected {
		d.Addr = c.peer
	}
	c.stats.didRead(ms[:1])
	return 1, nil
}

// writePortable sends ms from a cursor on, one by one, by the standard library.
func (c *BatchConn) writePortable(ms []Datagram, at cursor) (sent int, err error) {
	for at.entry < len(ms) {
		to := ms[at.entry].Addr
		var b []byte
		b, at = at.next(ms)
		var failed error
		if c.connected {
			_, failed = c.udp.Write(b)
			if failed != nil && isPeerError(failed) { // it was about an earlier one
				_, failed = c.udp.Write(b)
			}
		} else {
			_, failed = c.udp.WriteToUDPAddrPort(b, to)
		}
		if failed == nil {
			sent++
			c.stats.didWrite(1)
			continue
		}
		if err == nil {
			err = failed
		}
		if errors.Is(failed, net.ErrClosed) || errors.Is(failed, os.ErrDeadlineExceeded) {
			break
		}
		c.stats.refused.Add(1)
	}
	return sent, err
}
