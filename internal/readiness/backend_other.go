//go:build !linux

package readiness

func newBackend(w *Watcher) (backend, error) { return newWaiters(w), nil }
