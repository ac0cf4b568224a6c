package proc

import (
	"bytes"
	"strings"
	"sync"
)

// maxLines and maxLine bound what is kept of a process's output.
const (
	maxLines = 20
	maxLine  = 500
)

// lines keeps the first and the last lines written to it.
type lines struct {
	mu      sync.Mutex
	part    []byte // of a line that has not ended
	total   int    // lines that have ended
	first   []string
	last    []string
	changed chan struct{} // closed at the next line
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for {
		line, rest, ended := bytes.Cut(p, []byte("\n"))
		l.part = append(l.part, line[:min(len(line), maxLine-min(maxLine, len(l.part)))]...)
		if !ended {
			return n, nil
		}
		p = rest
		l.add(strings.TrimRight(string(l.part), "\r"))
		l.part = l.part[:0]
	}
}

func (l *lines) add(line string) {
	l.total++
	if len(l.first) < maxLines {
		l.first = append(l.first, line)
	}
	if len(l.last) == maxLines {
		l.last = append(l.last[:0], l.last[1:]...)
	}
	l.last = append(l.last, line)
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// find returns the rest of the first line that begins with prefix, or a
// channel that is closed at the next line.
func (l *lines) find(prefix string) (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.first {
		if rest, found := strings.CutPrefix(line, prefix); found {
			return rest, nil
		}
	}
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return "", l.changed
}

// after returns how many lines there were, and the last ones after the first
// n, the unfinished one included.
func (l *lines) after(n int) (int, []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh := min(l.total-n, len(l.last))
	t := append([]string(nil), l.last[len(l.last)-fresh:]...)
	if len(l.part) > 0 {
		t = append(t, string(l.part))
	}
	return l.total, t
}
