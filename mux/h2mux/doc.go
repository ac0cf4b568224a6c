// Package h2mux carries streams over HTTP/2 (RFC 9113). A stream is a CONNECT
// request and its answer, which any HTTP/2 peer understands.
//
//	client, err := h2mux.Client(conn, h2mux.Config{})
//	...
//	st, err := client.OpenRequest(ctx, h2mux.Request{Authority: "example.com:443"})
//	...
//	_, err = st.Write(hello) // goes out together with the request
//
//	server, err := h2mux.Server(conn, h2mux.Config{})
//	...
//	st, err := server.AcceptStream(ctx)
//	...
//	target, err := net.Dial("tcp", st.Request().Authority)
//	if err != nil {
//		st.Refuse(502)
//	}
//
// It is not for requests and responses: net/http is, though a Config.Handler
// can answer some on the same port.
//
// # Ownership
//
// A Session owns its connection. Slices are lent for the duration of a call.
// On a socket a Write is made from the caller's memory, without a copy; Read
// copies once, WriteTo and Step not at all. Buffers are taken from Config.Pool
// when bytes are there, and given back when they have left: an idle session
// holds none, nor does an idle stream.
//
// # Concurrency
//
// Sessions and Streams are safe for concurrent use. A session has two
// goroutines, whatever the number of its streams, and at most two timers, a
// stream has none.
//
// # Peers
//
// What a peer sends is bounded: the streams that it opens, the bytes that it
// has in flight, the length of its headers, and how often it may do what costs
// it less than us. What breaks the protocol ends the stream, or the session,
// with an error that both sides see.
package h2mux
