package connpool

// A ring is a list that its elements are links of: nothing is allocated to
// be in one, and leaving takes no search. The zero ring is empty.
type ring[T any] struct {
	root link[T] // root.next is the front, root.prev the back
	len  int
}

// A link is an element's place in one ring. Its zero value is in none.
type link[T any] struct {
	prev, next *link[T]
	of         *T
}

// pushBack puts l, the link of of, at the back.
func (r *ring[T]) pushBack(l *link[T], of *T) {
	if r.root.next == nil {
		r.root.next, r.root.prev = &r.root, &r.root
	}
	back := r.root.prev
	l.prev, l.next, l.of = back, &r.root, of
	back.next, r.root.prev = l, l
	r.len++
}

// remove takes l out, if it is in r.
func (r *ring[T]) remove(l *link[T]) {
	if l.next == nil {
		return
	}
	l.prev.next, l.next.prev = l.next, l.prev
	l.prev, l.next = nil, nil
	r.len--
}

// front returns the first element, or nil.
func (r *ring[T]) front() *T {
	if r.len == 0 {
		return nil
	}
	return r.root.next.of
}

// back returns the last element, or nil.
func (r *ring[T]) back() *T {
	if r.len == 0 {
		return nil
	}
	return r.root.prev.of
}

// after returns the element behind that of l, or nil.
func (r *ring[T]) after(l *link[T]) *T {
	if l.next == &r.root {
		return nil
	}
	return l.next.of
}
