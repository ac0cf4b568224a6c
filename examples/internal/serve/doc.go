// Package serve is what the example proxies have in common: it accepts
// connections, lets a protocol open each, relays, counts, logs one line per
// error, and ends in an orderly way.
//
// A protocol is one function. It speaks its opening on an accepted connection,
// dials, and returns the two connections that are to be joined:
//
//	serve.Main(serve.Config{
//		Listen: "127.0.0.1:0",
//		Open: func(ctx context.Context, client net.Conn) (a, b net.Conn, err error) {
//			var d net.Dialer
//			target, err := d.DialContext(ctx, "tcp", "192.0.2.7:443")
//			return client, target, err
//		},
//	})
//
// A goroutine stands behind a connection only while it opens: joined ones are
// left to vecio.
package serve
