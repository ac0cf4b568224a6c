// Package trojan is the Trojan protocol, inside of TLS: a client proves that it
// knows the password, says where it wants to go, and has a stream to there, or
// one of UDP packets. To anybody else a server is the web server behind it.
//
//	key := trojan.NewKey(password)
//	err := trojan.Request(stream, key, trojan.Connect, dest, first)   // client
//	command, dest, err := trojan.Accept(stream, key)                  // server
//
// Source: https://trojan-gfw.github.io/trojan/protocol.
package trojan
