package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/headrace-go/headrace/bench/internal/programs"
	"github.com/headrace-go/headrace/bench/internal/report"
	"github.com/headrace-go/headrace/bench/internal/row"
)

func TestParse(t *testing.T) {
	o, err := parse([]string{"-rows", "socks5", "-out", "dir", "-idle", "0"}, io.Discard)
	if err != nil || o.rows != "socks5" || o.idle != 0 || o.mode != report.Loopback ||
		o.json != filepath.Join("dir", "scorecard.json") || o.html != filepath.Join("dir", "scorecard.html") {
		t.Errorf("parse = %+v, %v", o, err)
	}
	for _, bad := range [][]string{
		{"socks5"}, {"-mode", "moon"}, {"-rounds", "0"}, {"-seconds", "-1"}, {"-idle", "-1"}, {"-nonsense"},
	} {
		if _, err := parse(bad, io.Discard); err == nil {
			t.Errorf("parse(%q): no error", bad)
		}
	}
}

func TestChoose(t *testing.T) {
	source := t.TempDir()
	if err := os.MkdirAll(filepath.Join(source, "socks5"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(source, "socks5", "main.go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	find := func(name string, _ bool) (string, error) {
		if name == "ss-server" {
			return name, nil
		}
		return "", errors.New("not there")
	}
	for _, c := range []struct {
		o    options
		want []string // nil: an error
	}{
		{options{}, []string{"direct", "socks5"}},
		{options{peers: true}, []string{"direct", "socks5", "shadowsocks-libev"}},
		{options{rows: "microsocks,direct,microsocks"}, []string{"direct", "microsocks"}},
		{options{rows: "socks5,socks6"}, nil},
	} {
		rows, err := c.o.choose(programs.Examples{Source: source}, find)
		var names []string
		for _, r := range rows {
			names = append(names, r.Name)
		}
		if !slices.Equal(names, c.want) || (err != nil) != (c.want == nil) {
			t.Errorf("choose(%+v) = %q, %v, want %q", c.o, names, err, c.want)
		}
	}
	if names := needed([]row.Row{row.Baseline(), row.Ours()[1], row.Peers()[0]}); !slices.Equal(names, []string{"shadowsocks"}) {
		t.Errorf("needed = %q, want shadowsocks once", names)
	}
}

// TestDefaultRunFits: by the plan's own arithmetic a default run takes less
// than three minutes, for three rows as for nine.
func TestDefaultRunFits(t *testing.T) {
	for rows := 2; rows <= 9; rows++ {
		o := options{rounds: 3, idle: 1000}
		s := o.settings(rows)
		perRow := time.Duration(float64(s.Window)*(1.25*float64(5+len(s.Levels))+0.5)) + 800*time.Millisecond
		total := time.Duration(s.Rounds*rows)*perRow + time.Duration(rows-1)*10*time.Second
		if total > 3*time.Minute {
			t.Errorf("%d rows take %v", rows, total)
		}
		if s.Window < 200*time.Millisecond || s.Window > time.Second {
			t.Errorf("%d rows: window of %v", rows, s.Window)
		}
	}
}
