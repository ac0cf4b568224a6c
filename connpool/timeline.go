package connpool

import (
	"container/heap"
	"time"
)

// A timeline is a heap of elements by a time of theirs, the earliest on top.
type timeline[T any] struct{ h moments[T] }

// A moment is an element's place in one timeline. Its zero value is in none.
type moment[T any] struct {
	at    time.Duration
	place int // in the heap, from 1
	of    *T
}

// set puts e, the moment of of, at a time, wherever it has been.
func (l *timeline[T]) set(e *moment[T], of *T, at time.Duration) {
	e.at, e.of = at, of
	if e.place == 0 {
		heap.Push(&l.h, e)
	} else {
		heap.Fix(&l.h, e.place-1)
	}
}

// remove takes e out, if it is in l.
func (l *timeline[T]) remove(e *moment[T]) {
	if e.place > 0 {
		heap.Remove(&l.h, e.place-1)
	}
}

// first returns the earliest element, or nil.
func (l *timeline[T]) first() *T {
	if len(l.h) == 0 {
		return nil
	}
	return l.h[0].of
}

type moments[T any] []*moment[T]

func (h moments[T]) Len() int           { return len(h) }
func (h moments[T]) Less(i, j int) bool { return h[i].at < h[j].at }

func (h moments[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

func (h *moments[T]) Push(x any) {
	e := x.(*moment[T])
	*h = append(*h, e)
	e.place = len(*h)
}

func (h *moments[T]) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	e.place = 0
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
