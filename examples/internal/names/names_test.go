package names_test

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/headrace-go/headrace/examples/internal/names"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var somewhere = netip.MustParseAddr("192.0.2.1")

func TestResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		r := names.Resolver{Lookup: func(_ context.Context, name string) ([]netip.Addr, error) {
			asked++
			if name != "known" {
				return nil, errors.New("unknown")
			}
			return []netip.Addr{netip.MustParseAddr("::ffff:192.0.2.1"), netip.MustParseAddr("192.0.2.2")}, nil
		}}
		if _, ok := r.Known("known"); ok {
			t.Error("known before it was asked for")
		}
		for _, name := range []string{"known", "unknown"} {
			err := r.Resolve(name, func(a netip.Addr, err error) {
				if (err == nil) != (name == "known") || err == nil && a != somewhere {
					t.Errorf("%s: %v, %v", name, a, err)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			r.Wait()
		}
		if a, ok := r.Known("known"); !ok || a != somewhere {
			t.Errorf("Known = %v, %v, want %v", a, ok, somewhere)
		}
		if _, ok := r.Known("unknown"); ok {
			t.Error("a failure is an answer")
		}
		if a, ok := r.Known("2001:db8::1%eth0"); !ok || a != netip.MustParseAddr("2001:db8::1") {
			t.Errorf("a literal: %v, %v", a, ok)
		}
		time.Sleep(time.Minute)
		if _, ok := r.Known("known"); ok {
			t.Error("known for ever")
		}
		if asked != 2 {
			t.Errorf("asked %d times, want 2", asked)
		}
	})
}

func TestResolverIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := names.Resolver{Lookup: func(ctx context.Context, name string) ([]netip.Addr, error) {
			if name == "slow" {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return []netip.Addr{somewhere}, nil
		}}
		done := func(netip.Addr, error) {}
		for range 64 {
			if err := r.Resolve("slow", done); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Resolve("slow", done); err != names.ErrBusy {
			t.Errorf("lookup 65: %v, want ErrBusy", err)
		}
		r.Wait() // they are given up
		for i := range 10000 {
			if err := r.Resolve(strconv.Itoa(i), done); err != nil {
				t.Fatal(err)
			}
			r.Wait()
		}
		known := 0
		for i := range 10000 {
			if _, ok := r.Known(strconv.Itoa(i)); ok {
				known++
			}
		}
		if known > 4096 || known < 1000 {
			t.Errorf("%d names are remembered", known)
		}
	})
}
