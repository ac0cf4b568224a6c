// Package conformance tests h2mux with h2spec, somebody else's collection of
// what HTTP/2 asks of servers and clients.
package conformance
