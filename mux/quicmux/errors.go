package quicmux

import (
	"context"
	"errors"
	"io"

	"github.com/quic-go/quic-go"

	"github.com/headrace-go/headrace/mux"
)

// ended says why the session has ended, for Err, or nil.
func (s *Session) ended() error {
	if cause := context.Cause(s.conn.Context()); cause != nil {
		return s.sessionError(cause)
	}
	return nil
}

// sessionError translates what quic-go says of the connection.
func (s *Session) sessionError(cause error) error {
	if e, ok := errors.AsType[*quic.ApplicationError](cause); ok {
		if e.ErrorCode == 0 {
			// At the end of a drain it is the other side that closes.
			if e.Remote && !s.drain.here.Load() || s.drain.answered.Load() {
				return io.EOF
			}
			return mux.ErrClosed
		}
		return &mux.SessionError{Code: mux.Code(e.ErrorCode), Remote: e.Remote, Reason: e.ErrorMessage}
	}
	if e, ok := errors.AsType[*quic.TransportError](cause); ok {
		return &mux.SessionError{Code: codeOf(e.ErrorCode), Remote: e.Remote, Reason: e.ErrorMessage, Err: cause}
	}
	if _, ok := errors.AsType[*quic.IdleTimeoutError](cause); ok {
		return &mux.SessionError{Err: mux.ErrSilent}
	}
	if _, ok := errors.AsType[*quic.StatelessResetError](cause); ok {
		return &mux.SessionError{Remote: true, Err: cause}
	}
	return &mux.SessionError{Err: cause}
}

// endedBy reports whether err is about the connection and not about the call:
// calls fail a little before the connection's context is done.
func (s *Session) endedBy(err error) bool {
	for _, is := range []func(error) bool{
		isError[*quic.ApplicationError], isError[*quic.TransportError],
		isError[*quic.IdleTimeoutError], isError[*quic.StatelessResetError],
	} {
		if is(err) {
			return true
		}
	}
	return s.conn.Context().Err() != nil
}

func isError[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// lost is sessionError for a call on a stream, or one that opens one: the good
// order in which the peer ended the session is none for what it cut.
func (s *Session) lost(err error) error {
	if cause := context.Cause(s.conn.Context()); cause != nil {
		err = cause
	}
	if err = s.sessionError(err); err == io.EOF {
		return &mux.SessionError{Remote: true}
	}
	return err
}

// codeOf finds the nearest code to one of QUIC's own (RFC 9000, section 20.1).
func codeOf(c quic.TransportErrorCode) mux.Code {
	switch c {
	case quic.NoError:
		return mux.NoError
	case quic.FlowControlError, quic.StreamLimitError:
		return mux.FlowControl
	case quic.ConnectionRefused:
		return mux.Refused
	case quic.InternalError:
		return mux.InternalError
	default:
		return mux.ProtocolError
	}
}

// streamError translates what quic-go says of a stream, other than io.EOF.
func (s *Session) streamError(err error) error {
	if errors.Is(err, quic.Err0RTTRejected) {
		return &mux.StreamError{Code: mux.Refused, Remote: true, Unprocessed: true}
	}
	if e, ok := errors.AsType[*quic.StreamError](err); ok {
		code := mux.Code(e.ErrorCode)
		return &mux.StreamError{Code: code, Remote: e.Remote, Unprocessed: e.Remote && s.framed && code == mux.Refused}
	}
	if s.endedBy(err) {
		return s.lost(err)
	}
	return err
}
