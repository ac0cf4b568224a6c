// Package await is where tests wait for what happens without a word to anybody: a
// counter that another goroutine counts up behind what it has sent, a socket that
// another process closes. It is the only place in which a test asks again and
// again. Whatever says by itself that it has come, as a channel, a line or a
// connection, is waited for by itself; what is timed belongs into a bubble of
// testing/synctest, where synctest.Wait does this better.
package await

import (
	"context"
	"runtime"
	"testing"
	"time"
)

const (
	limit   = 3 * time.Minute // after which a test hangs
	yields  = 100             // before the first pause
	longest = 100 * time.Millisecond
)

// Until returns when done reports true, which is called at once, often at first,
// and after pauses that become longer. If that takes minutes, it ends the test.
func Until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for range yields {
		if done() {
			return
		}
		runtime.Gosched()
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for pause := 100 * time.Microsecond; !done(); pause = min(2*pause, longest) {
		again := time.NewTimer(pause)
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
