// Package muxtest proves that an implementation of mux.Session keeps the
// contract.
//
//	func TestSession(t *testing.T) {
//		muxtest.TestSession(t, func(t *testing.T) (opener, accepter mux.Session) {
//			a, b := net.Pipe()
//			return client(t, a), server(t, b)
//		})
//	}
//
// It asks only for what every implementation has: one side opens, the other
// accepts. It asserts no times. Whether goroutines are left over is for the
// suite that calls it to check when all tests have ended.
package muxtest
