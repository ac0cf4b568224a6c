package row_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/bench/internal/proc"
	"github.com/headrace-go/headrace/bench/internal/row"
	"github.com/headrace-go/headrace/bench/internal/standin"
)

// TestMain is also the processes of a row: a stand-in, or a program that
// writes down its arguments, and those that misbehave from the start.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 {
		os.Exit(m.Run())
	}
	switch os.Args[1] {
	case standin.Role:
		if err := standin.Main(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "dies":
		fmt.Fprintln(os.Stderr, "no reason to live")
		os.Exit(1)
	default:
		os.Exit(m.Run())
	}
}

func env(t *testing.T) *row.Env {
	return &row.Env{Find: func(string, bool) (string, error) { return os.Args[0], nil }, Dir: t.TempDir()}
}

func step(name string, announces bool, args ...string) row.Step {
	return row.Step{Name: name, Program: name, Announces: announces, Args: append([]string{standin.Role, standin.Honest}, args...)}
}

func TestStart(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("who listens is seen in /proc only, which this system has not")
	}
	e := env(t)
	second := step("client", false, "${host}:${port}", "${server}", "${server.host}", "${server.port}")
	second.Files = map[string]string{"config": "${port} ${dir} ${servername} ${cert}"}
	p, err := row.Start(t.Context(), e, row.Row{Name: "r", Steps: []row.Step{step("server", true, "${listen}"), second}})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.PIDs()) != 2 {
		t.Errorf("PIDs = %v, want two", p.PIDs())
	}
	_, port, _ := strings.Cut(p.Address, ":")
	dir := filepath.Join(e.Dir, "r", "client")
	text, err := os.ReadFile(filepath.Join(dir, "config"))
	if want := fmt.Sprintf("%s %s scorecard.test %s/cert.pem", port, dir, e.Dir); string(text) != want || err != nil {
		t.Errorf("config = %q, %v, want %q", text, err, want)
	}
	ctx, cancel := p.Watch(t.Context())
	defer cancel()
	if err := p.Stop(); err != nil {
		t.Errorf("Stop = %v", err)
	}
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, proc.ErrExited) {
		t.Errorf("cause of the end = %v, want ErrExited", err)
	}
}

func TestStartFails(t *testing.T) {
	dies := row.Step{Name: "client", Program: "p", Announces: true, Args: []string{"dies"}}
	silent := dies
	silent.Announces = false
	for name, c := range map[string]struct {
		last row.Step
		want string
	}{
		"unknown word":         {step("client", true, "${listen}", "${nobody}"), "nobody"},
		"dies unannounced":     {dies, "no reason to live"},
		"dies before it binds": {silent, "no reason to live"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := row.Start(t.Context(), env(t), row.Row{Name: "r", Steps: []row.Step{step("server", true, "${listen}"), c.last}})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "client") {
				t.Errorf("Start = %v, want an error that names the client and has %q", err, c.want)
			}
		})
	}
	missing := env(t)
	missing.Find = func(string, bool) (string, error) { return "", os.ErrNotExist }
	if _, err := row.Start(t.Context(), missing, row.Row{Name: "r", Steps: []row.Step{dies}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Start of a missing program = %v, want os.ErrNotExist", err)
	}
}

// TestRows checks what can be wrong in the rows' data.
func TestRows(t *testing.T) {
	var names []string
	for _, r := range slices.Concat([]row.Row{row.Baseline()}, row.Ours(), row.Peers()) {
		if slices.Contains(names, r.Name) {
			t.Errorf("two rows are called %s", r.Name)
		}
		names = append(names, r.Name)
		if !slices.Contains([]string{"fresh", "resumed", "pooled"}, r.Warm) {
			t.Errorf("%s: Warm = %q", r.Name, r.Warm)
		}
		known := []string{"listen", "host", "dir", "cert", "key", "servername", "port"}
		for _, s := range r.Steps {
			numbers := map[string]string{"port": "1"}
			for _, k := range known {
				if strings.HasSuffix(k, "port") {
					numbers[k] = "1"
				}
			}
			expand := func(text string) string {
				return os.Expand(text, func(word string) string {
					if !slices.Contains(known, word) {
						t.Errorf("%s, %s: unknown word %q", r.Name, s.Name, word)
					}
					return numbers[word]
				})
			}
			for _, arg := range slices.Concat(s.Args, s.Debug) {
				expand(arg)
			}
			for name, text := range s.Files {
				if text := expand(text); !json.Valid([]byte(text)) {
					t.Errorf("%s, %s: %s is not JSON: %s", r.Name, s.Name, name, text)
				}
			}
			known = append(known, s.Name, s.Name+".host", s.Name+".port")
		}
	}
}
