// Command uses links in what a proxy uses of bufpool, for a look at the
// symbols that a build contains.
package main

import (
	"fmt"
	"io"

	"github.com/headrace-go/headrace/bufpool"
)

func main() {
	p, err := bufpool.New(bufpool.Config{})
	if err != nil {
		panic(err)
	}
	p.Put(p.Get(100))

	b := p.Lease(10, 100, 10)
	s := b.Share()
	part, err := s.SplitTo(10)
	fmt.Println(len(b.Bytes()), part.Len(), err)

	c := &bufpool.Chain{Pool: p}
	c.Push(b)
	c.Push(s)
	c.PushFront(part)
	c.Push(bufpool.Wrap([]byte("x"), nil))
	n, err := c.WriteTo(io.Discard)
	fmt.Println(n, err)

	a := bufpool.Arena{Pool: p}
	name, err := a.String([]byte("name"))
	fmt.Println(name, err)
	a.Reset()
	p.Trim()
	fmt.Println(p.Stats().Owned)
}
