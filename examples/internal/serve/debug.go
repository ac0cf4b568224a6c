package serve

import (
	"errors"
	"expvar"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"time"
)

// startDebug serves the counters of s at /debug/vars and the profiles of the
// program at /debug/pprof/, until the returned server is closed.
func startDebug(ln net.Listener, s *Server) *http.Server {
	expvar.Publish("proxy", expvar.Func(func() any { return s.Stats() }))
	expvar.Publish("goroutines", expvar.Func(func() any { return runtime.NumGoroutine() }))

	mux := http.NewServeMux()
	mux.Handle("/debug/vars", expvar.Handler())
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.cfg.Log.Printf("debug: %v", err)
		}
	}()
	return srv
}
