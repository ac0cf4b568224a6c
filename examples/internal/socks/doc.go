// Package socks is the server's side of a SOCKS5 opening (RFC 1928), with
// username and password (RFC 1929), and the address format that Shadowsocks
// and Trojan borrowed from it.
//
//	dest, err := socks.Accept(client, nil)
//	if err != nil {
//		return err // the client has been told
//	}
//	target, err := net.Dial("tcp", dest.String())
//	if err != nil {
//		return socks.Refuse(client, err)
//	}
//	err = socks.Grant(client, target.LocalAddr())
//
// Everything here reads exactly the bytes of its message and no byte more, so
// data that a hasty client sent right behind its request is still in the
// connection when the relay starts. It holds at most one message (513 bytes) in
// memory and sets no deadlines: the caller bounds the time.
package socks
