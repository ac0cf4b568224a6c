//lint:file-ignore SA1019 sing-shadowsocks takes a type of sing that is called deprecated

package rivals

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	shadowsocks "github.com/sagernet/sing-shadowsocks"
	"github.com/sagernet/sing-shadowsocks/shadowaead"
	"github.com/sagernet/sing-shadowsocks/shadowaead_2022"
	"github.com/sagernet/sing/common/metadata"
	"github.com/sagernet/sing/common/network"

	"github.com/headrace-go/headrace/aead"
)

// This file is the other way round: sing-shadowsocks is the server, package
// aead the client.

// dial22 is the client's end of SIP022. Its first write has the address, the
// length of a padding, and something behind it.
func dial22(raw net.Conn, suite aead.Suite, derive subkey) (*aead.ChunkConn, error) {
	saltSize := suite.KeySize()
	salt := randomSalt(suite)
	fixed := 1 + 8 + saltSize + 2
	return aead.NewChunkConn(raw, aead.ChunkConfig{
		MaxPayload: 0xFFFF,
		PrefixSize: saltSize + fixed + aead.TagSize,
		Open: func(prefix []byte) (*aead.Opener, error) {
			o, header, err := open22(prefix, saltSize, derive)
			if err == nil && (header[0] != shadowaead_2022.HeaderTypeServer || !bytes.Equal(header[9:9+saltSize], salt)) {
				err = errors.New("not an answer to this request")
			}
			return o, err
		},
		Seal: func() ([]byte, *aead.Sealer, error) { return sealer(salt, derive) },
		First: func(length int) ([]byte, error) {
			header := binary.BigEndian.AppendUint64([]byte{shadowaead_2022.HeaderTypeClient}, uint64(time.Now().Unix()))
			return binary.BigEndian.AppendUint16(header, uint16(length)), nil
		},
	})
}

// A singEchoer sends back what sing's server has opened.
type singEchoer struct{}

func (singEchoer) NewConnection(_ context.Context, conn net.Conn, metadata metadata.Metadata) error {
	if metadata.Destination != singDestination {
		return fmt.Errorf("destination %v, want %v", metadata.Destination, singDestination)
	}
	// Plain reads and writes, of sizes that are not the chunks'.
	_, err := io.CopyBuffer(struct{ io.Writer }{conn}, struct{ io.Reader }{conn}, make([]byte, 50000))
	return err
}

func (singEchoer) NewPacketConnection(context.Context, network.PacketConn, metadata.Metadata) error {
	return errors.New("no datagrams here")
}

func (singEchoer) NewError(context.Context, error) {}

// TestSingServer: our client writes what sing's server reads, and the reverse:
// an echo of 1 MiB in writes of many sizes.
func TestSingServer(t *testing.T) {
	for _, tt := range singSuites {
		t.Run("SIP004/"+tt.method, func(t *testing.T) {
			key := randomKey(t, tt.suite.KeySize())
			service, err := shadowaead.NewService(tt.method, key, "", 60, singEchoer{})
			if err != nil {
				t.Fatal(err)
			}
			near, far := loopbackPair(t)
			// Both ends of SIP004 are alike.
			client, err := serve04(near, tt.suite, subkey04(tt.suite, key))
			if err != nil {
				t.Fatal(err)
			}
			echoedBySing(t, service, client, far, singAddress)
		})
	}
	for name, suite := range singSuites22 {
		t.Run("SIP022/"+name, func(t *testing.T) {
			key := randomKey(t, suite.KeySize())
			service, err := shadowaead_2022.NewService(name, key, 60, singEchoer{}, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			near, far := loopbackPair(t)
			client, err := dial22(near, suite, subkey22(suite, key))
			if err != nil {
				t.Fatal(err)
			}
			echoedBySing(t, service, client, far, append(bytes.Clone(singAddress), 0, 0))
		})
	}
}

// echoedBySing has sing's service serve far, and sends request and data.
func echoedBySing(t *testing.T, service shadowsocks.Service, client *aead.ChunkConn, far *net.TCPConn, request []byte) {
	data := randomKey(t, 1<<20)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := service.NewConnection(t.Context(), far, metadata.Metadata{}); err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		far.Close()
	})
	wg.Go(func() {
		if _, err := client.Write(append(bytes.Clone(request), data[0])); err != nil {
			t.Error(err)
			return
		}
		if err := writeMany(client, data[1:]); err != nil {
			t.Error(err)
			return
		}
		if err := client.CloseWrite(); err != nil {
			t.Error(err)
		}
	})
	wantEcho(t, client, data)
	wg.Wait()
}
