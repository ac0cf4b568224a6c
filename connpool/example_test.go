package connpool_test

import (
	"context"
	"fmt"
	"net"

	"github.com/headrace-go/headrace/connpool"
	"github.com/headrace-go/headrace/internal/faultconn"
)

func Example() {
	pool, err := connpool.New(connpool.Config[string]{
		Dial: func(ctx context.Context, address string) (net.Conn, error) {
			fmt.Println("dialing", address)
			conn, _ := faultconn.Pair(0) // a program has a connpool.Dialer here
			return conn, nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		conn, err := pool.Get(context.Background(), "origin.example:443")
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Fprint(conn, "GET / HTTP/1.1\r\n\r\n")
		fmt.Println("reused:", conn.Reused())
		if err := conn.Put(); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(pool.Close(context.Background()))
	// Output:
	// dialing origin.example:443
	// reused: false
	// reused: true
	// <nil>
}
