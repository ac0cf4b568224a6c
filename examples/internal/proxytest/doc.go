// Package proxytest tests the example proxies from outside: it runs them as
// processes, beside programs of somebody else, and drives traffic through
// them that shows every byte lost, altered or out of order.
//
// A program's tests start themselves as the program, so that there is nothing to
// build first:
//
//	func TestMain(m *testing.M) { proxytest.Main(m, main) }
//
//	func TestProxy(t *testing.T) {
//		p := proxytest.Start(t, "-listen", "127.0.0.1:0")
//		c := proxytest.Connect(t, p.Addr, dest)
//		...
//	}
package proxytest
