//lint:file-ignore SA1019 x/net's HTTP/2 is deprecated, and what programs use today

package h2mux_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"golang.org/x/net/http2"

	"github.com/headrace-go/headrace/mux/h2mux"
)

func randomBytes(n int) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(p)
	return p
}

// TestClientOfXNet tunnels through our client to x/net's server, which echoes.
func TestClientOfXNet(t *testing.T) {
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			a, b := tr.dial(t)
			served := make(chan struct{})
			go func() {
				defer close(served)
				new(http2.Server).ServeConn(b, &http2.ServeConnOpts{Handler: http.HandlerFunc(echoHandler)})
			}()
			s, err := h2mux.Client(a, h2mux.Config{})
			if err != nil {
				t.Fatal(err)
			}
			var group sync.WaitGroup
			for i := range 8 {
				group.Go(func() {
					st, err := s.OpenRequest(context.Background(), h2mux.Request{
						Authority: "example.com:443", Header: []h2mux.Field{{Name: "x-tunnel", Value: "yes"}},
					})
					if err != nil {
						t.Error(err)
						return
					}
					defer st.Close()
					want := randomBytes(300_000 + i)
					go func() {
						st.Write(want)
						st.CloseWrite()
					}()
					r, err := st.Established(context.Background())
					if err != nil || r.Status != 200 || h2mux.Value(r.Header, "x-seen") != "CONNECT example.com:443 yes" {
						t.Errorf("answer: %+v, %v", r, err)
					}
					if got, err := io.ReadAll(st); err != nil || !bytes.Equal(got, want) {
						t.Errorf("%d bytes, %v, want %d", len(got), err, len(want))
					}
				})
			}
			group.Wait()
			st, err := s.OpenRequest(context.Background(), h2mux.Request{Authority: "forbidden:1"})
			if err != nil {
				t.Fatal(err)
			}
			_, err = st.Established(context.Background())
			if e, ok := err.(*h2mux.StatusError); !ok || e.Status != http.StatusForbidden {
				t.Errorf("a tunnel that is refused: %v", err)
			}
			st.Close()
			s.Close()
			<-served
		})
	}
}

func echoHandler(w http.ResponseWriter, r *http.Request) {
	if r.Host == "forbidden:1" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	w.Header().Set("x-seen", r.Method+" "+r.Host+" "+r.Header.Get("x-tunnel"))
	w.WriteHeader(http.StatusOK)
	http.NewResponseController(w).Flush()
	buf := make([]byte, 10_000)
	for {
		n, err := r.Body.Read(buf)
		if n > 0 {
			w.Write(buf[:n])
			http.NewResponseController(w).Flush()
		}
		if err != nil {
			return
		}
	}
}

// TestServerOfXNet tunnels through x/net's client to our server, which echoes.
func TestServerOfXNet(t *testing.T) {
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			a, b := tr.dial(t)
			s, err := h2mux.Server(b, h2mux.Config{Handler: func(st *h2mux.Stream) {
				st.Respond(200, h2mux.Field{Name: "x-path", Value: st.Request().Path})
				io.WriteString(st, "an ordinary answer")
			}})
			if err != nil {
				t.Fatal(err)
			}
			var group sync.WaitGroup
			group.Go(func() {
				for {
					st, err := s.AcceptStream(context.Background())
					if err != nil {
						return
					}
					group.Go(func() {
						if st.Request().Authority == "forbidden:1" {
							st.Refuse(403)
							return
						}
						io.Copy(st, st)
						st.Close()
					})
				}
			})
			c, err := (&http2.Transport{AllowHTTP: true, DisableCompression: true}).NewClientConn(a)
			if err != nil {
				t.Fatal(err)
			}
			var clients sync.WaitGroup
			for i := range 8 {
				clients.Go(func() {
					want := randomBytes(300_000 + i)
					got, status, err := roundTrip(c, http.MethodConnect, "http://example.com:443", want)
					if err != nil || status != 200 || !bytes.Equal(got, want) {
						t.Errorf("%d bytes, status %d, %v, want %d bytes", len(got), status, err, len(want))
					}
				})
			}
			clients.Wait()
			if _, status, err := roundTrip(c, http.MethodConnect, "http://forbidden:1", nil); err != nil || status != 403 {
				t.Errorf("a tunnel that is refused: status %d, %v", status, err)
			}
			if got, status, err := roundTrip(c, http.MethodPost, "http://example.com/path", []byte("body")); err != nil ||
				status != 200 || string(got) != "an ordinary answer" {
				t.Errorf("an ordinary request: %q, status %d, %v", got, status, err)
			}
			c.Close()
			s.Close()
			group.Wait()
		})
	}
}

func roundTrip(c *http2.ClientConn, method, target string, body []byte) (got []byte, status int, err error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, 0, err
	}
	// The length is not known, as in a tunnel.
	response, err := c.RoundTrip(&http.Request{
		Method: method, URL: u, Host: u.Host, Header: make(http.Header), Body: io.NopCloser(bytes.NewReader(body)), ContentLength: -1,
	})
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	got, err = io.ReadAll(response.Body)
	return got, response.StatusCode, err
}
