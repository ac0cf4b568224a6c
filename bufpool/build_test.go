package bufpool_test

import (
	"math/bits"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// compile runs a go command and returns what it printed.
func compile(t *testing.T, args ...string) string {
	t.Helper()
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skipf("no go command to see what the compiler says: %v", err)
	}
	out, err := exec.Command(tool, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// What is called for every record must inline.
func TestFastPathInlines(t *testing.T) {
	out := compile(t, "build", "-gcflags=-m", ".")
	inline := []string{
		"(*Pool).Get", "(*Pool).Put",
		"(*Chain).Len", "(*Chain).Front",
		"(*Arena).Alloc", "(*Arena).Copy",
	}
	if bits.UintSize == 64 {
		// Words of 32 bits load the generation by a call, which costs too much.
		inline = append(inline, "Buf.Bytes", "Buf.Len", "Buf.Headroom", "Buf.Tailroom",
			"Buf.Append", "Buf.Reserve", "Buf.Commit", "Buf.Shared")
	}
	for _, f := range inline {
		if !strings.Contains(out, "can inline "+f+"\n") {
			t.Errorf("%s does not inline", f)
		}
	}
}

// The advice in the package comment, as the compiler sees it.
func TestEscape(t *testing.T) {
	out := compile(t, "build", "-gcflags=-m", "./testdata/escape")
	for _, line := range []string{
		"moved to heap: heapHeader\n",
		"make([]byte, 512) does not escape\n",
		"make([]byte, 65537) escapes to heap\n",
	} {
		if !strings.Contains(out, line) {
			t.Errorf("the compiler does not say %q:\n%s", line, out)
		}
	}
	if strings.Contains(out, "moved to heap: stack") {
		t.Errorf("an array that should stay on the stack does not:\n%s", out)
	}
}

// debugSymbol matches what only the debug build has.
var debugSymbol = regexp.MustCompile(`headrace/(internal/invariants\.|internal/slab\.\(\*?(register|watch)|internal/slab\.Loan|` +
	`bufpool\.(\(\*?trace|holders|Loan|seal|checkSeal))`)

func TestDebugLeavesNoTrace(t *testing.T) {
	for _, tt := range []struct {
		tags string
		want bool
	}{{"", false}, {"headrace_debug", true}} {
		binary := filepath.Join(t.TempDir(), "uses")
		compile(t, "build", "-tags", tt.tags, "-o", binary, "./testdata/uses")
		found := debugSymbol.FindAllString(compile(t, "tool", "nm", binary), -1)
		if (len(found) > 0) != tt.want {
			t.Errorf("with tags %q the binary has the debug symbols %q", tt.tags, found)
		}
	}
}
