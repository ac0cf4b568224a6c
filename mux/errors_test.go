package mux_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/headrace-go/headrace/mux"
)

func TestErrorsMatchTheSystems(t *testing.T) {
	all := []error{net.ErrClosed, syscall.EPIPE, syscall.ECONNRESET, syscall.ETIMEDOUT, io.ErrUnexpectedEOF, os.ErrDeadlineExceeded}
	for _, tt := range []struct {
		err  error
		want []error
	}{
		{mux.ErrClosed, []error{net.ErrClosed}},
		{mux.ErrWriteClosed, []error{syscall.EPIPE}},
		{mux.ErrDraining, nil},
		{mux.ErrSilent, []error{syscall.ETIMEDOUT}},
		{&mux.StreamError{Code: mux.Cancel}, []error{net.ErrClosed}},
		{&mux.StreamError{Code: mux.Cancel, Remote: true}, []error{syscall.ECONNRESET}},
		{&mux.SessionError{Code: mux.Calm}, []error{net.ErrClosed}},
		{&mux.SessionError{Code: mux.Calm, Remote: true}, []error{syscall.ECONNRESET}},
		{&mux.SessionError{Remote: true, Err: io.ErrUnexpectedEOF}, []error{syscall.ECONNRESET, io.ErrUnexpectedEOF}},
		{&mux.SessionError{Err: mux.ErrSilent}, []error{syscall.ETIMEDOUT}},
	} {
		wrapped := fmt.Errorf("somebody's: %w", tt.err)
		for _, target := range all {
			want := false
			for _, w := range tt.want {
				want = want || w == target
			}
			if got := errors.Is(wrapped, target); got != want {
				t.Errorf("errors.Is(%q, %q) = %v, want %v", tt.err, target, got, want)
			}
		}
	}
}

func TestSilentIsATimeout(t *testing.T) {
	e, ok := errors.AsType[net.Error](&mux.SessionError{Err: mux.ErrSilent})
	if !ok || !e.Timeout() {
		t.Errorf("a session that ended with ErrSilent is no timeout: %v", e)
	}
}

func TestUnprocessed(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{io.EOF, false},
		{mux.ErrDraining, true},
		{&mux.StreamError{Code: mux.Refused, Remote: true, Unprocessed: true}, true},
		{&mux.StreamError{Code: mux.Cancel, Remote: true}, false},
	} {
		if got := mux.Unprocessed(tt.err); got != tt.want {
			t.Errorf("Unprocessed(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
}

func TestMessages(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&mux.StreamError{Code: mux.Cancel}, "mux: stream reset: cancelled"},
		{&mux.StreamError{Code: 99, Remote: true}, "mux: stream reset by peer: code 99"},
		{&mux.StreamError{Code: mux.Refused, Remote: true, Unprocessed: true}, "mux: stream not processed by peer: refused"},
		{&mux.SessionError{Code: mux.Calm, Remote: true, Reason: "too_many_pings"},
			`mux: session ended by peer: enhance your calm ("too_many_pings")`},
		{&mux.SessionError{Err: mux.ErrSilent}, "mux: session ended: no error: mux: peer is silent"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("Error() = %q, want %q", got, tt.want)
		}
	}
}
