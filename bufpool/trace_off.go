//go:build !headrace_debug

package bufpool

// trace keeps nothing in the build that ships.
type trace struct{}

func (trace) held(h *handle, gen uint64) {}
func (trace) released(gen uint64)        {}

func seal(full []byte)      {}
func checkSeal(full []byte) {}

// stale panics: b was released. The debug build adds the stacks.
func (b Buf) stale(msg string) { panic(msg) }
