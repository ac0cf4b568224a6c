package connpool_test

import (
	"os"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/internal/mutants"
)

// Breaches break one rule each.
var breaches = []struct {
	rule, file, from, to string
}{
	{"MaxIdle", "core.go", "if c.mu.full() {", "if c.mu.spare++; false {"},
	{"MaxIdlePerKey", "core.go", "b.idle.len >= c.maxIdlePerKey", "false"},
	{"MaxOpen", "wait.go", "c.open+c.dialing < c.maxOpen }", "true || c.open+c.dialing < c.maxOpen }"},
	{"MaxOpenPerKey", "dial.go", "b.open+b.dialing >= c.maxOpenPerKey", "false"},
	{"MaxDialsPerKey", "dial.go", "b.dialing >= c.maxDials ||", ""},
	{"MaxUses", "core.go", "c.maxUses > 0 && m.uses >= c.maxUses", "false"},
	{"MaxKeys", "core.go", "c.empty.len > c.maxKeys", "false"},
	{"no more dials than who waits", "dial.go", "waited := b.waiters.len > b.dialing", "waited := b.waiters.len > 0"},
	{"a dial for each who waits", "dial.go", "if b.dialing >= c.maxDials", "if b.dialing >= 1 || b.dialing >= c.maxDials"},
	{"IdleTimeout", "janitor.go", "c.idleTimeout; at > now ||", "c.idleTimeout; true ||"},
	{"Lifetime of idle ones", "janitor.go", "if m.state == stateIdle", "if false"},
	{"Lifetime of lent ones", "core.go", "case m.life.at <= now:", "case false:"},
	{"last in, first out", "core.go", "return b.idle.back()", "return b.idle.front()"},
	{"first in, first out", "core.go", "return b.idle.front()\n", "return b.idle.back()\n"},
	{"first come, first served", "core.go", "w, hungry := b.waiters.front()", "w, hungry := b.waiters.back()"},
	{"those who wait are served", "core.go", "case w != nil && (", "case false && ("},
	{"keys take turns", "core.go", "case hungry != nil:", "case false && hungry != nil:"},
	{"room goes to who waits for it", "wait.go", "for c.starving.len > 0 &&", "for false &&"},
	{"an idle one makes room", "dial.go", "victim != nil && (", "false && ("},
	{"a closed one counts till it is closed", "core.go", "\tc.closing++\n", "\tc.closing++\n\tc.open--\n\tdefer func() { c.open++ }()\n\tc.demandLocked(m.bucket, nil)\n"},
	{"what cannot be lent is not", "core.go", "if cause == causeNone {\n\t\treturn newConn(m)", "if true {\n\t\treturn newConn(m)"},
	{"who gives up gets nothing", "wait.go", "c.leaveLocked(b, w)\n", ""},
	{"what came in the same moment is kept", "wait.go", "if w.link.next != nil {", "if true {"},
	{"a failure is told", "dial.go", "if b.waiters.len > b.dialing {\n\t\tc.settleLocked", "if false {\n\t\tc.settleLocked"},
	{"Drain of idle ones", "pool.go", "c.drain(b.idle.front)", "_ = b"},
	{"Drain of lent ones and of dials", "core.go", "case m.epoch != m.bucket.epoch:", "case false:"},
	{"Reset", "pool.go", "c.drain(c.oldestLocked)", "_ = c"},
	{"Reset forgets failures", "pool.go", "b.backoff.reset()", "_ = b"},
	{"Warm", "dial.go", "want := b.minIdle", "want := 0"},
	{"what was taken is replaced later", "dial.go", "b.warming.retry, b.reserveAt)", "b.warming.retry)"},
	{"a reserve is filled up one by one", "dial.go", "			b.reserveAt = now + reservePause", "			_ = now"},
	{"a reserve is put off, but not for ever", "dial.go", "min(b.reserveBy, now+reservePause)", "now+reservePause"},
	{"backoff", "backoff.go", "f.retry = now + wait", "f.retry = now + 0*wait"},
	{"Hijack", "core.go", "m.stopWatch = nil\n\tc.leftLocked(m.bucket)", "m.stopWatch = nil"},
	{"Close of idle ones", "pool.go", "c.evictLocked(m, CauseClosed, nil)", "break"},
	{"Close tells who waits", "pool.go", "verdict{err: ErrClosed}", "verdict{err: ctx.Err()}"},
	{"Put after Close", "core.go", "return CauseClosed\n", "return causeNone\n"},
	{"an ended handle", "conn.go", "if n < 0 {\n\t\t\treturn 0, false", "if n < 0 {\n\t\t\treturn 0, true"},

	{"room within MaxIdle", "shard.go", "a.spare -= part", "_ = part"},
	{"room is used up", "shard.go", "s.room--", "_ = 0"},
	{"Put without a look at who waits", "shard.go", "b.waiters.len > 0,", "false,"},
	{"Put without a look at MaxIdlePerKey", "shard.go", "b.idle.len >= c.maxIdlePerKey", "false"},
	{"Put without a look at what is spent", "shard.go", "c.spentLocked(m, now) != causeNone", "false"},
	{"Get without a look at Warm", "shard.go", "b.minIdle > 0", "false"},
	{"Put of a key without an age", "shard.go", "b.age.place == 0,", "false,"},
	{"what is evicted leaves room", "shard.go", "a.spare++", "_ = 0"},
	{"one in a shard at a time", "latch.go", "&& l.held.CompareAndSwap(false, true)", ""},
	{"nobody in a shard that is held", "shard.go", "if !a.held.Load() {", "if true {"},
	{"whoever is in a shard is waited for", "shard.go", "a.all[i].latch.await()", "_ = i"},
	{"ages are brought up to date", "core.go", "case m.idleSince > b.age.at:", "case false:"},
	{"the longest idle of all", "timeline.go", "h[i].at < h[j].at", "h[i].at > h[j].at"},
}

// TestBrokenRulesAreFound breaks one rule of a Pool at a time, and sees that the
// model test, the crowd, TestShards, TestIdleTimeout or one of Warm fails without it.
func TestBrokenRulesAreFound(t *testing.T) {
	for _, m := range breaches {
		t.Run(m.rule, func(t *testing.T) {
			source, err := os.ReadFile(m.file)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), m.from); n != 1 {
				t.Fatalf("%q is %d times in %s", m.from, n, m.file)
			}
			if os.Getenv("HEADRACE_SOAK") == "" {
				return // the package would be built once for each: make soak
			}
			out, err := mutants.Tested(t, m.file, strings.Replace(string(source), m.from, m.to, 1),
				// Those of what holds at every moment.
				"-test.failfast", "-test.timeout=40s",
				"-test.run=^(TestPoolModel|TestCrowd|TestShards|TestIdleTimeout|TestWarm|TestWarmIsPutOff)$",
				"-rapid.checks=3000", "-rapid.nofailfile", "-rapid.shrinktime=0s")
			switch {
			case err == nil:
				t.Error("nothing fails without it")
			case !strings.Contains(out, "FAIL") && !strings.Contains(out, "panic") && !strings.Contains(out, "fatal error"):
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
