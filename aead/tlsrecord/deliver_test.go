package tlsrecord_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
)

// TestDeliverJoins moves the contents of many short records together, for a
// destination that takes one slice at a time.
func TestDeliverJoins(t *testing.T) {
	cc, sc := configs()
	client, server := connect(t, ourClient, ourServer, cc, sc)
	taken(t, client, server)
	var sent, got bytes.Buffer
	c := client.(*tlsrecord.Conn)
	c.Cork()
	for i := range 200 {
		p := bytes.Repeat([]byte{byte(i)}, 1+i*37%3000)
		sent.Write(p)
		if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Uncork(); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	writes := 0
	n, err := server.(*tlsrecord.Conn).WriteTo(writerFunc(func(p []byte) (int, error) {
		writes++
		return got.Write(p)
	}))
	if err != nil || n != int64(sent.Len()) || !bytes.Equal(got.Bytes(), sent.Bytes()) {
		t.Errorf("WriteTo = %d, %v, and the bytes differ; want %d", n, err, sent.Len())
	}
	if writes > 100 {
		t.Errorf("%d writes for 200 records that are short", writes)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

var _ io.Writer = writerFunc(nil)
