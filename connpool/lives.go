package connpool

import "container/heap"

// lives are the members with a lifetime: a heap, the first to go on top.
// A member enters when it is dialed and leaves when it is closed.
type lives struct{ h lifeHeap }

func (l *lives) add(m *member) { heap.Push(&l.h, m) }

func (l *lives) remove(m *member) {
	if m.place >= 0 {
		heap.Remove(&l.h, m.place)
	}
}

func (l *lives) first() *member {
	if len(l.h) == 0 {
		return nil
	}
	return l.h[0]
}

type lifeHeap []*member

func (h lifeHeap) Len() int           { return len(h) }
func (h lifeHeap) Less(i, j int) bool { return h[i].retire < h[j].retire }

func (h lifeHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *lifeHeap) Push(x any) {
	m := x.(*member)
	m.place = len(*h)
	*h = append(*h, m)
}

func (h *lifeHeap) Pop() any {
	last := len(*h) - 1
	m := (*h)[last]
	m.place = -1
	(*h)[last] = nil
	*h = (*h)[:last]
	return m
}
