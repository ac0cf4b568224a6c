package serve

import (
	"errors"
	"expvar"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"runtime/metrics"
	"time"
)

// startDebug serves the counters of s at /debug/vars and the profiles of the
// program at /debug/pprof/, until the returned server is closed. The program's
// command line, which both packages would show as well, may have a password.
func startDebug(ln net.Listener, s *Server) *http.Server {
	var vars expvar.Map
	vars.Set("proxy", expvar.Func(func() any { return s.Stats() }))
	if s.datagrams != nil {
		vars.Set("datagrams", expvar.Func(func() any { return s.datagrams.Stats() }))
	}
	for name, v := range s.cfg.Vars {
		vars.Set(name, expvar.Func(v))
	}
	vars.Set("goroutines", expvar.Func(func() any { return runtime.NumGoroutine() }))
	vars.Set("gcseconds", expvar.Func(gcSeconds))
	vars.Set("memstats", expvar.Get("memstats"))

	mux := http.NewServeMux()
	mux.HandleFunc("/debug/vars", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, vars.String()) // who asked may have gone
	})
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

// gcSeconds is the processor time that garbage collection has taken so far.
func gcSeconds() any {
	s := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}}
	metrics.Read(s)
	return s[0].Value.Float64()
}
