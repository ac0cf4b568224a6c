//lint:file-ignore SA1019 x/net's HTTP/2 is deprecated, and what programs use today

package h2mux_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"

	"golang.org/x/net/http2"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// TestExtendedConnect: an extended CONNECT (RFC 8441) has a protocol, a scheme
// and a path, and is a tunnel once it was answered.
func TestExtendedConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := faultconn.Pair(0)
		client, server := sessions(t, a, b, h2mux.Config{ExtendedConnect: true, KeepAlive: -1})
		synctest.Wait() // for the server's SETTINGS
		st, err := client.OpenRequest(context.Background(), h2mux.Request{
			Protocol: "websocket", Authority: "example.com", Path: "/chat?room=1",
			Header: []h2mux.Field{{Name: "sec-websocket-version", Value: "13"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		if _, err := st.Write([]byte("ping")); err != nil {
			t.Fatal(err)
		}
		far, err := server.AcceptStream(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer far.Close()
		r := far.Request()
		if r.Method != "CONNECT" || r.Protocol != "websocket" || r.Authority != "example.com" || r.Scheme != "https" ||
			r.Path != "/chat?room=1" || h2mux.Value(r.Header, "sec-websocket-version") != "13" {
			t.Errorf("the server sees %+v", r)
		}
		if _, err := far.Write([]byte("pong")); err != nil {
			t.Fatal(err)
		}
		for _, side := range []struct {
			st   *h2mux.Stream
			want string
		}{{far, "ping"}, {st, "pong"}} {
			got := make([]byte, 4)
			if _, err := io.ReadFull(side.st, got); err != nil || string(got) != side.want {
				t.Errorf("got %q, %v, want %q", got, err, side.want)
			}
		}
	})
}

// TestExtendedConnectIsOff: without the server's word for it a client does not
// send one, and a server refuses it.
func TestExtendedConnectIsOff(t *testing.T) {
	extended := h2mux.Request{Protocol: "websocket", Authority: "example.com"}
	synctest.Test(t, func(t *testing.T) {
		_, s := newServer(t, h2mux.Config{KeepAlive: -1})
		if _, err := s.OpenRequest(context.Background(), extended); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("OpenRequest: %v, want errors.ErrUnsupported", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		p, s := newServer(t, h2mux.Config{KeepAlive: -1}, http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1})
		if _, err := s.OpenRequest(context.Background(), extended); err != nil {
			t.Errorf("OpenRequest with the server's word: %v", err)
		}
		// It cannot be taken back: RFC 8441, section 3.
		p.check(p.framer.WriteSettings(http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 0}))
		wantCode(t, s, mux.ProtocolError)
	})
	for _, tt := range []struct {
		name   string
		on     bool
		fields []string
	}{
		{"Off", false, []string{":protocol", "websocket", ":scheme", "https", ":path", "/"}},
		{"NoPath", true, []string{":protocol", "websocket", ":scheme", "https"}},
		{"NoScheme", true, []string{":protocol", "websocket", ":path", "/"}},
		{"NoProtocol", true, []string{":scheme", "https", ":path", "/"}},
		{"EmptyProtocol", true, []string{":protocol", "", ":scheme", "https", ":path", "/"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _ := newPeer(t, h2mux.Config{ExtendedConnect: tt.on, KeepAlive: -1})
				p.connect(1, tt.fields...)
				p.wantReset(1, mux.ProtocolError)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // on another method than CONNECT
		p, _ := newPeer(t, h2mux.Config{ExtendedConnect: true, KeepAlive: -1})
		p.check(p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true,
			BlockFragment: p.fields(":method", "GET", ":protocol", "websocket", ":scheme", "https", ":authority", "x", ":path", "/")}))
		p.wantReset(1, mux.ProtocolError)
	})
}

// TestExtendedConnectOfXNet: x/net's client opens one to our server.
func TestExtendedConnectOfXNet(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	s, err := h2mux.Server(b, h2mux.Config{ExtendedConnect: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		st, err := s.AcceptStream(context.Background())
		if err != nil {
			t.Errorf("AcceptStream: %v", err)
			return
		}
		defer st.Close()
		if r := st.Request(); r.Protocol != "websocket" || r.Path != "/chat" {
			t.Errorf("the server sees %+v", r)
		}
		io.Copy(st, st)
	}()
	transport := &http2.Transport{AllowHTTP: true}
	defer transport.CloseIdleConnections()
	conn, err := transport.NewClientConn(a)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body, w := io.Pipe()
	request := &http.Request{
		Method: "CONNECT", URL: &url.URL{Scheme: "https", Host: "example.com", Path: "/chat"},
		Header: http.Header{":protocol": {"websocket"}}, Body: body,
	}
	go func() {
		w.Write([]byte("there and back"))
		w.Close()
	}()
	response, err := conn.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); err != nil || string(got) != "there and back" {
		t.Errorf("got %q, %v", got, err)
	}
	<-served
}
