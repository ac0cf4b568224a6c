// Package mux is what multiplexers have in common: a [Session] carries many
// streams over one connection, and a [Stream] is a net.Conn with a half-close
// both ways. The packages below it implement that, h2mux over HTTP/2;
// muxtest proves an implementation.
//
//	s, err := h2mux.Client(conn, h2mux.Config{})
//	...
//	st, err := s.Open(ctx)
//	...
//	defer st.Close()
//	_, err = st.Write(request) // the first bytes travel with the opening
//	...
//	err = st.CloseWrite()
//	...
//	reply, err := io.ReadAll(st)
//
// One stream over one connection is better off without: take the connection.
//
// # Asymmetries
//
// Streams do not behave quite like TCP connections, nor all alike:
//
//   - Open does not wait for the peer, and may send nothing. The peer learns of
//     the stream by the first Write, Read or CloseWrite, so that one that waits
//     for the other to speak does not wait for ever.
//   - Which side may open depends on the protocol: with HTTP/2 the client only.
//     Open on the other side, and Accept on this one, fail with an error that
//     matches errors.ErrUnsupported.
//   - CloseRead drops what arrives from then on. QUIC tells the peer; HTTP/2
//     cannot without abandoning the other direction as well, so there the peer
//     stops at the end of its window, and is told when the stream is closed.
//   - Close ends the direction to the peer cleanly, behind all that was written.
//     A peer that still sends is told to stop. Reset abandons both directions,
//     and what is on its way with them.
//   - An end of stream, a reset, and the end of the session are three different
//     errors: io.EOF, [*StreamError], [*SessionError].
//
// # Ownership and concurrency
//
// Slices are lent for the duration of a call: no implementation keeps one.
// Sessions and streams are safe for concurrent use. Concurrent writes to one
// stream do not mix.
package mux
