package proc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"testing"
	"time"

	"github.com/headrace-go/headrace/bench/internal/proc"
)

// TestMain is also the processes under test: what they do is in PROC_TEST.
func TestMain(m *testing.M) {
	switch os.Getenv("PROC_TEST") {
	case "":
		os.Exit(m.Run())
	case "polite":
		c := make(chan os.Signal, 1)
		signal.Notify(c, os.Interrupt)
		fmt.Println("hello")
		fmt.Println("listening on 127.0.0.1:1")
		<-c
	case "deaf":
		signal.Ignore(os.Interrupt)
		fmt.Println("listening on 127.0.0.1:1")
		time.Sleep(time.Minute) // the process under test: it is to be ended before
	case "crash":
		for i := range 100 {
			fmt.Fprintln(os.Stderr, "line", i)
		}
		fmt.Fprint(os.Stderr, strings.Repeat("x", 5000))
		os.Exit(3)
	}
}

func start(t *testing.T, mode string) *proc.Process {
	t.Helper()
	p, err := proc.Start(proc.Spec{Name: mode, Path: os.Args[0], Env: []string{"PROC_TEST=" + mode}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop(0) })
	return p
}

func TestLineAndStop(t *testing.T) {
	p := start(t, "polite")
	if got, err := p.Line(t.Context(), "listening on "); got != "127.0.0.1:1" || err != nil {
		t.Fatalf("Line = %q, %v, want 127.0.0.1:1", got, err)
	}
	if err := p.Stop(time.Minute); err != nil {
		t.Errorf("Stop = %v, want nil", err)
	}
	select {
	case <-p.Done():
	default:
		t.Error("Stop returned before the process ended")
	}
}

func TestStopKillsTheDeaf(t *testing.T) {
	p := start(t, "deaf")
	if _, err := p.Line(t.Context(), "listening on "); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(time.Millisecond); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("Stop = %v, want that it was killed", err)
	}
}

func TestCrashHasLastWords(t *testing.T) {
	p := start(t, "crash")
	_, err := p.Line(t.Context(), "listening on ")
	if !errors.Is(err, proc.ErrExited) {
		t.Fatalf("Line = %v, want ErrExited", err)
	}
	for _, want := range []string{"exit status 3", "line 99"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
	if words := p.Stderr(); len(words) > 21 || len(words[len(words)-1]) > 500 {
		t.Errorf("kept %d lines, last of %d bytes, want at most 21 and 500", len(words), len(words[len(words)-1]))
	}
}

func TestLineGivesUp(t *testing.T) {
	p := start(t, "polite")
	if _, err := p.Line(t.Context(), "hello"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Line(ctx, "something else"); !errors.Is(err, context.Canceled) {
		t.Errorf("Line = %v, want context.Canceled", err)
	}
}
