package burst_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/internal/burst"
)

func TestCount(t *testing.T) {
	var c burst.Count
	c.Note(10)
	c.Note(0)
	if records, bytes := c.Load(); records != 0 || bytes != 0 {
		t.Errorf("Load = %d, %d before Publish", records, bytes)
	}
	c.Publish()
	c.Note(5)
	c.Publish()
	c.Publish()
	if records, bytes := c.Load(); records != 3 || bytes != 15 {
		t.Errorf("Load = %d, %d, want 3, 15", records, bytes)
	}
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d burst.Deadline
		if d.Passed() {
			t.Error("no deadline has passed")
		}
		d.Set(time.Now().Add(time.Minute))
		time.Sleep(time.Minute - 1)
		if d.Passed() {
			t.Error("passed 1 ns early")
		}
		if time.Sleep(time.Nanosecond); !d.Passed() {
			t.Error("not passed in time")
		}
		if d.Set(time.Time{}); d.Passed() {
			t.Error("passed after it was taken away")
		}
		for _, at := range []time.Time{time.Unix(0, 0), time.Unix(-1, 0)} {
			if d.Set(at); !d.Passed() {
				t.Errorf("%v has not passed", at)
			}
		}
	})
}
