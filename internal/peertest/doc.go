// Package peertest runs programs of somebody else beside a test, for the tests
// that show that they and ours understand each other. A test waits for what a
// program prints, never for a time.
//
//	path := peertest.Need(t, "openssl", "openssl")
//	p := peertest.Start(t, exec.Command(path, "s_server", "-accept", "127.0.0.1:0"))
//	addr := p.Line("ACCEPT ")
package peertest
