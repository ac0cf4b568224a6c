package bufpool_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/bufpool"
)

func mustGrowable(t testing.TB, cfg bufpool.GrowableConfig) *bufpool.Growable {
	t.Helper()
	g, err := bufpool.NewGrowable(cfg)
	must(t, err)
	return g
}

func TestTextWrites(t *testing.T) {
	g := mustGrowable(t, bufpool.GrowableConfig{})
	text := g.Get()
	defer text.Release()
	if _, err := fmt.Fprintf(text, "CONNECT %s HTTP/1.1\r\n", "host:443"); err != nil {
		t.Fatal(err)
	}
	_, err := text.WriteString("\r")
	must(t, err)
	must(t, text.WriteByte('\n'))
	const want = "CONNECT host:443 HTTP/1.1\r\n\r\n"
	if text.String() != want || string(text.Bytes()) != want || text.Len() != len(want) {
		t.Errorf("text = %q, want %q", text, want)
	}
	text.Reset()
	if text.Len() != 0 {
		t.Errorf("Len = %d after Reset", text.Len())
	}
}

func TestTextLimit(t *testing.T) {
	g := mustGrowable(t, bufpool.GrowableConfig{Limit: 10})
	text := g.Get()
	defer text.Release()
	_, err := text.WriteString("12345678")
	must(t, err)
	n, errWrite := text.Write([]byte("abc"))
	_, errString := text.WriteString("abc")
	if n != 0 || !errors.Is(errWrite, bufpool.ErrLimit) || !errors.Is(errString, bufpool.ErrLimit) {
		t.Errorf("writes beyond the limit: %d, %v, %v", n, errWrite, errString)
	}
	_, err = text.WriteString("90")
	must(t, err)
	if err := text.WriteByte('x'); !errors.Is(err, bufpool.ErrLimit) {
		t.Errorf("WriteByte = %v, want ErrLimit", err)
	}
	if text.String() != "1234567890" {
		t.Errorf("text = %q", text)
	}
}

// What bytebufferpool does not bound: how large the buffers are that it keeps,
// and how small those that it makes.
func TestGrowableBoundsBuffers(t *testing.T) {
	g := mustGrowable(t, bufpool.GrowableConfig{Start: 2000, Keep: 4000, Limit: -1})
	for range 100 {
		text := g.Get()
		if got := cap(text.Bytes()); got < 2000 || got > 4000 {
			t.Fatalf("a text starts with %d bytes, want 2000 to 4000", got)
		}
		_, err := text.WriteString(strings.Repeat("x", 100_000))
		must(t, err)
		text.Release()
		text = g.Get()
		_, err = text.WriteString("short")
		must(t, err)
		text.Release()
	}
}

func TestGrowableRefusesNonsense(t *testing.T) {
	for _, cfg := range []bufpool.GrowableConfig{{Start: 100, Limit: 50}, {Start: 100, Keep: 50}} {
		if _, err := bufpool.NewGrowable(cfg); err == nil {
			t.Errorf("NewGrowable(%+v) gave no error", cfg)
		}
	}
}

func TestTextReleasedTwice(t *testing.T) {
	text := mustGrowable(t, bufpool.GrowableConfig{}).Get()
	text.Release()
	mustPanic(t, text.Release, "bufpool: Text released twice")
}

func TestGrowableAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("under -race sync.Pool drops one Put in four")
	}
	g := mustGrowable(t, bufpool.GrowableConfig{})
	write := func() {
		text := g.Get()
		for range 20 {
			if _, err := text.WriteString("Header: value\r\n"); err != nil {
				t.Fatal(err)
			}
		}
		text.Release()
	}
	write()
	if got := testing.AllocsPerRun(500, write); got != 0 {
		t.Errorf("a text of 300 bytes allocates %v times, want 0", got)
	}
}
