package counts

import (
	"math"
	"runtime"
	"runtime/debug"
)

// Tries is how often a count is repeated, at most, for its minimum: a goroutine
// that changes processors finds its share of a sync.Pool empty, and the runtime
// grows its own tables, once in a while.
const Tries = 20

// Allocs returns how many objects and bytes the process allocates for one call
// of op, averaged over n calls, in the best of up to Tries turns. One call before
// is not counted. Collections are off meanwhile, since one of them may empty a
// sync.Pool at any time.
func Allocs(n int, op func()) (objects, bytes float64) {
	op()
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	objects, bytes = math.Inf(1), math.Inf(1)
	for try := 0; try < Tries && objects > 0; try++ {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range n {
			op()
		}
		runtime.ReadMemStats(&after)
		objects = min(objects, float64(after.Mallocs-before.Mallocs)/float64(n))
		bytes = min(bytes, float64(after.TotalAlloc-before.TotalAlloc)/float64(n))
	}
	return objects, bytes
}
