package await_test

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/internal/await"
)

func TestUntil(t *testing.T) {
	await.Until(t, "it is true", func() bool { return true })
	synctest.Test(t, func(t *testing.T) {
		var is atomic.Bool
		time.AfterFunc(time.Minute, func() { is.Store(true) })
		await.Until(t, "a minute has passed", is.Load)
	})
}

// A failing test is one whose failure is expected.
type failing struct {
	testing.TB
	failed chan string
}

func (f failing) Helper() {}

func (f failing) Fatalf(format string, args ...any) {
	f.failed <- args[0].(string)
	runtime.Goexit()
}

func TestUntilNever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := failing{t, make(chan string, 1)}
		go await.Until(f, "pigs fly", func() bool { return false })
		if got := <-f.failed; !strings.Contains(got, "pigs fly") {
			t.Errorf("it failed with %q, want what was awaited in it", got)
		}
	})
}
