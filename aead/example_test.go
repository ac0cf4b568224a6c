package aead_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/headrace-go/headrace/aead"
)

func ExampleNew() {
	a, err := aead.New(aead.AES256GCM, make([]byte, aead.AES256GCM.KeySize()))
	if err != nil {
		fmt.Println(err)
		return
	}
	nonce := make([]byte, a.NonceSize())
	record := a.Seal(nil, nonce, []byte("hello"), nil)
	fmt.Printf("%x\n", record)
	// Output: a6c22c51228b908f7f62ffcea6a92fabef39bf4d93
}

func ExampleSealer() {
	a, err := aead.New(aead.ChaCha20Poly1305, make([]byte, 32))
	if err != nil {
		fmt.Println(err)
		return
	}
	s, _ := aead.NewSealer(a, aead.LittleEndian(0))

	// In place: the payload has room in front and behind.
	buf := make([]byte, 64)
	n := copy(buf[aead.ChunkHeadroom:], "hello")
	chunk, err := s.SealChunk(buf[:0], buf[aead.ChunkHeadroom:][:n])
	fmt.Println(len(chunk) == n+aead.ChunkOverhead, err)
	// Output: true <nil>
}

func ExampleOpener() {
	a, err := aead.New(aead.AES128GCM, make([]byte, 16))
	if err != nil {
		fmt.Println(err)
		return
	}
	s, _ := aead.NewSealer(a, aead.LittleEndian(0))
	o, _ := aead.NewOpener(a, aead.LittleEndian(0))
	for _, text := range []string{"one", "two"} {
		record, _ := s.Seal(nil, []byte(text), nil)
		if text == "two" {
			record[0] ^= 1
		}
		plaintext, err := o.Open(record[:0], record, nil)
		fmt.Printf("%q %v\n", plaintext, err)
	}
	// Output:
	// "one" <nil>
	// "" aead: record failed authentication
}

// streamConfig is that of both ends of a stream under a fixed key. A protocol
// derives the key from the prefix: see examples/shadowsocks.
func streamConfig() aead.ChunkConfig {
	a, err := aead.New(aead.Preferred(), make([]byte, aead.Preferred().KeySize()))
	return aead.ChunkConfig{
		PrefixSize: 4,
		Seal: func() ([]byte, *aead.Sealer, error) {
			if err != nil {
				return nil, nil, err
			}
			s, err := aead.NewSealer(a, aead.LittleEndian(0))
			return []byte("salt"), s, err
		},
		Open: func(salt []byte) (*aead.Opener, error) {
			if string(salt) != "salt" {
				return nil, errors.New("wrong salt")
			}
			return aead.NewOpener(a, aead.LittleEndian(0))
		},
	}
}

func ExampleChunkWriter() {
	var wire bytes.Buffer
	w, err := aead.NewChunkWriter(&wire, streamConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = w.Writev([][]byte{[]byte("header"), []byte("first data")})
	fmt.Println(wire.Len() == len("salt")+len("header")+len("first data")+2*aead.ChunkOverhead, err)
	// Output: true <nil>
}

func ExampleChunkReader() {
	var wire bytes.Buffer
	w, err := aead.NewChunkWriter(&wire, streamConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprintf(w, "one ")
	fmt.Fprintf(w, "two\n")

	r, err := aead.NewChunkReader(&wire, streamConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	n, err := r.WriteTo(os.Stdout)
	fmt.Println(n, err)
	// Output:
	// one two
	// 8 <nil>
}

func ExampleChunkConn() {
	near, far := net.Pipe()
	go func() {
		c, err := aead.NewChunkConn(far, streamConfig())
		if err != nil {
			fmt.Println(err)
			return
		}
		defer c.Close()
		fmt.Fprintf(c, "hello")
	}()
	c, err := aead.NewChunkConn(near, streamConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	got, err := io.ReadAll(c)
	fmt.Printf("%s %v\n", got, err)
	// Output: hello <nil>
}
