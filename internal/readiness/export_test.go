package readiness

// NewPortableWatcher returns a Watcher without epoll.
func NewPortableWatcher() *Watcher {
	w := new(Watcher)
	w.backend = newWaiters(w)
	return w
}

// SweepNow looks for closed sockets at once.
func (w *Watcher) SweepNow() { w.sweepClosed() }
