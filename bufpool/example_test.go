package bufpool_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"github.com/headrace-go/headrace/bufpool"
)

// The zero Config works. A slice that goes back to the pool must not be used
// any more.
func ExamplePool() {
	pool, err := bufpool.New(bufpool.Config{Limit: 64 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	b := pool.Get(1350)
	fmt.Println(len(b))
	pool.Put(b)

	pool.Put(b[10:]) // a mistake: no longer what Get returned
	fmt.Println("refused:", pool.Stats().Refused)
	// Output:
	// 1350
	// refused: 1
}

// A payload is read behind the headroom that its header will need, so that the
// record leaves in one piece.
func ExampleBuf() {
	buf := bufpool.Default().Lease(2, 0, 1024)
	defer buf.Release()

	n := copy(buf.Reserve(), "payload") // or a read from a socket
	if err := buf.Commit(n); err != nil {
		fmt.Println(err)
		return
	}
	header, err := buf.Prepend(2)
	if err != nil {
		fmt.Println(err)
		return
	}
	binary.BigEndian.PutUint16(header, uint16(n))
	fmt.Printf("%q\n", buf.Bytes())
	// Output:
	// "\x00\apayload"
}

// Every holder releases for itself, in any order.
func ExampleBuf_Share() {
	buf := bufpool.Default().Lease(0, 0, 64)
	_ = buf.Append([]byte("to everybody"))

	others := []bufpool.Buf{buf.Share(), buf.Share()}
	buf.Release()
	for _, b := range others {
		fmt.Printf("%s\n", b.Bytes())
		b.Release()
	}
	// Output:
	// to everybody
	// to everybody
}

// One large read holds many records, each of which goes its own way.
func ExampleBuf_SplitTo() {
	read := bufpool.Default().Lease(0, 0, 64)
	defer read.Release()
	_ = read.Append([]byte("\x03one\x03two\x05three"))

	for read.Len() > 0 {
		length := int(read.Bytes()[0])
		if err := read.Advance(1); err != nil {
			fmt.Println(err)
			return
		}
		record, err := read.SplitTo(length)
		if err != nil { // a peer may claim anything
			fmt.Println(err)
			return
		}
		fmt.Printf("%s\n", record.Bytes())
		record.Release()
	}
	// Output:
	// one
	// two
	// three
}

// Memory of others takes part too, for as long as it is held.
func ExampleWrap() {
	greeting := []byte("hello")
	buf := bufpool.Wrap(greeting, func() { fmt.Println("greeting may change now") })

	part, err := buf.Slice(1, 4)
	fmt.Printf("%s %v\n", part.Bytes(), err)
	buf.Release()
	part.Release()
	// Output:
	// ell <nil>
	// greeting may change now
}

// A Chain joins header and payload without copying them, and writes them with
// one system call if it writes to a socket.
func ExampleChain() {
	pool := bufpool.Default()
	payload := pool.Lease(0, 0, 64)
	_ = payload.Append([]byte("body\n"))
	header := pool.Lease(0, 0, 16)
	_ = header.Append([]byte("length 5\n"))

	var chain bufpool.Chain
	defer chain.Reset()
	chain.Push(payload)
	chain.PushFront(header)
	fmt.Println(chain.Len())
	if _, err := chain.WriteTo(os.Stdout); err != nil {
		fmt.Println(err)
	}
	fmt.Println(chain.Len())
	// Output:
	// 14
	// length 5
	// body
	// 0
}

// ReadFrom is bounded: a peer decides how much it sends, not how much is kept.
func ExampleChain_ReadFrom() {
	chain := bufpool.Chain{Limit: 10}
	defer chain.Reset()
	n, err := chain.ReadFrom(strings.NewReader("more than ten bytes"))
	fmt.Println(n, err)
	// Output:
	// 10 bufpool: limit reached
}

// What a handshake needs while it lasts is taken back at once.
func ExampleArena() {
	var arena bufpool.Arena
	defer arena.Reset()

	request := []byte("CONNECT example.org:443")
	method, address, _ := bytes.Cut(request, []byte(" "))
	m, err := arena.String(method)
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := arena.String(address)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m, a)
	// Output:
	// CONNECT example.org:443
}

func ExampleSlabOf() {
	type question struct {
		id   uint16
		kind uint8
	}
	var arena bufpool.Arena
	defer arena.Reset()

	questions := bufpool.SlabOf[question](&arena)
	q, err := questions.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	q.id, q.kind = 7, 1
	fmt.Println(*q)
	// Output:
	// {7 1}
}

func ExampleObjects() {
	type session struct {
		user string
		seen []string
	}
	sessions := bufpool.NewObjects(bufpool.ObjectsConfig[session]{
		Reset: func(s *session) bool {
			clear(s.seen)
			s.user, s.seen = "", s.seen[:0]
			return cap(s.seen) <= 64 // grown further, it is not worth keeping
		},
	})
	s := sessions.Get()
	s.user = "alice"
	sessions.Put(s)
	fmt.Printf("%q\n", sessions.Get().user)
	// Output:
	// ""
}

func ExampleGrowable() {
	headers, err := bufpool.NewGrowable(bufpool.GrowableConfig{Limit: 8 << 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	text := headers.Get()
	defer text.Release()
	for i, name := range []string{"Host", "Accept"} {
		if _, err := fmt.Fprintf(text, "%s: %d\n", name, i); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Print(text)
	// Output:
	// Host: 0
	// Accept: 1
}

// One budget for two pools, and a floor that works when it is spent.
func ExampleBudget() {
	budget, err := bufpool.NewBudget(bufpool.BudgetConfig{
		Limit:  1 << 20,
		OnHigh: func(used int64) { fmt.Println("running short at", used) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	window := budget.Account(64 << 10)
	fmt.Println(window.TryReserve(64<<10), budget.Stats().Used)
	fmt.Println(budget.TryReserve(1 << 20))
	fmt.Println(window.TryReserve(1), "but it keeps", window.Used())
	// Output:
	// true 0
	// running short at 1048576
	// true
	// false but it keeps 65536
}
