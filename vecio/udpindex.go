package vecio

import "net/netip"

// A flowIndex finds flows by their client, and the one to give up first. It
// knows nothing of sockets and clocks; times are nanoseconds that do not go
// back.
//
// Flows are in one of two orders of last use: those that were answered, and
// those that were not. A client who invents source addresses makes flows that
// nobody answers: they make room for each other as soon as they are a quarter
// of the table, before any that was answered.
type flowIndex struct {
	max    int
	flows  map[netip.AddrPort]*udpFlow
	orders [2]flowOrder // unanswered, answered
}

// A flowOrder is a list, the flow that was used last in front.
type flowOrder struct {
	front, back *udpFlow
	len         int
}

func newFlowIndex(max int) flowIndex {
	return flowIndex{max: max, flows: make(map[netip.AddrPort]*udpFlow)}
}

func (x *flowIndex) order(f *udpFlow) *flowOrder {
	if f.answered {
		return &x.orders[1]
	}
	return &x.orders[0]
}

// find returns the flow of a client, which is used now, or nil.
func (x *flowIndex) find(client netip.AddrPort, now int64) *udpFlow {
	f := x.flows[client]
	if f != nil {
		x.use(f, now)
	}
	return f
}

// use moves a flow of the index to the front.
func (x *flowIndex) use(f *udpFlow, now int64) {
	o := x.order(f)
	f.used = now
	if o.front != f {
		o.remove(f)
		o.push(f)
	}
}

// answer says that a flow's target has answered.
func (x *flowIndex) answer(f *udpFlow, now int64) {
	if !f.answered {
		x.order(f).remove(f)
		f.answered = true
		x.order(f).push(f)
	}
	x.use(f, now)
}

// add takes in a flow of a client that has none. If the index is full it
// returns the flow that it has removed for it.
func (x *flowIndex) add(f *udpFlow, now int64) (evicted *udpFlow) {
	if len(x.flows) >= x.max {
		evicted = x.victim()
		x.remove(evicted)
	}
	f.used = now
	x.flows[f.client] = f
	x.order(f).push(f)
	return evicted
}

func (x *flowIndex) victim() *udpFlow {
	unanswered, answered := &x.orders[0], &x.orders[1]
	if answered.len == 0 || unanswered.len > 0 && unanswered.len >= x.max/4 {
		return unanswered.back
	}
	return answered.back
}

// remove takes a flow out, and reports whether it was there.
func (x *flowIndex) remove(f *udpFlow) bool {
	if x.flows[f.client] != f {
		return false
	}
	delete(x.flows, f.client)
	x.order(f).remove(f)
	return true
}

// idle removes and returns a flow that was last used at or before a time, or
// returns nil.
func (x *flowIndex) idle(before int64) *udpFlow {
	for i := range x.orders {
		if f := x.orders[i].back; f != nil && f.used <= before {
			x.remove(f)
			return f
		}
	}
	return nil
}

// oldest returns when the flow that is idle for longest was last used.
func (x *flowIndex) oldest() (used int64, ok bool) {
	for i := range x.orders {
		if f := x.orders[i].back; f != nil && (!ok || f.used < used) {
			used, ok = f.used, true
		}
	}
	return used, ok
}

func (o *flowOrder) push(f *udpFlow) {
	f.newer, f.older = nil, o.front
	if o.front != nil {
		o.front.newer = f
	} else {
		o.back = f
	}
	o.front = f
	o.len++
}

func (o *flowOrder) remove(f *udpFlow) {
	if f.newer != nil {
		f.newer.older = f.older
	} else {
		o.front = f.older
	}
	if f.older != nil {
		f.older.newer = f.newer
	} else {
		o.back = f.newer
	}
	f.newer, f.older = nil, nil
	o.len--
}
