// Package ss is the Shadowsocks protocol with AEAD ciphers (SIP004), over TCP:
// its keys, its replay filter, and the opening of a stream on both sides. What
// follows the opening is package aead's chunk stream.
//
// The local side, with the first bytes that the application had to say:
//
//	key, err := ss.NewKey("aes-256-gcm", password)
//	...
//	stream, err := key.Request(server, dest, first)
//
// The server's side:
//
//	stream, dest, err := key.Accept(client, &salts)
//
// Do not use it where both ends are yours: the protocol has no forward secrecy,
// and a recording that is older than the replay filter can be played again.
package ss
