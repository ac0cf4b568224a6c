package counts

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// traced lists the calls that are counted: those that move bytes or set up
// and take down what they move through. How often Go's scheduler sleeps, polls
// or wakes a thread depends on the moment and would not repeat; nor would
// pread64, by which the runtime looks at its processor limit from time to time.
// A question mark lets strace go on where an architecture lacks the call.
const traced = "trace=" +
	"?read,?write,?readv,?writev,?recvfrom,?recvmsg,?recvmmsg,?sendto,?sendmsg,?sendmmsg," +
	"?splice,?tee,?sendfile,?socket,?connect,?bind,?listen,?accept4,?shutdown,?close,?pipe2,?fcntl,?ioctl," +
	"?setsockopt,?getsockopt,?getsockname,?getpeername,?epoll_ctl,?epoll_create1,?poll,?ppoll"

// TraceError reports why system calls cannot be counted here, or nil.
func TraceError(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "strace", "-c", "-f", "-e", traced, "-o", os.DevNull, "true")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("counts: strace does not work here: %w %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// A Child is a process whose system calls are being counted. It must end when
// Stdin does.
type Child struct {
	Stdin  io.Writer
	Stdout *bufio.Reader
}

// Trace starts a program under strace, lets drive talk to it, and returns how
// often the program and its threads made each system call.
func Trace(ctx context.Context, argv []string, drive func(Child) error) (calls map[string]int, err error) {
	dir, err := os.MkdirTemp("", "counts-")
	if err != nil {
		return nil, fmt.Errorf("counts: %w", err)
	}
	defer os.RemoveAll(dir)
	summary := filepath.Join(dir, "summary")

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, "strace", append([]string{"-c", "-f", "-e", traced, "-o", summary}, argv...)...)
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("counts: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("counts: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("counts: %w", err)
	}
	// Killing strace would only set the child free; the end of its input ends
	// it, and then the drive that waits for it.
	defer context.AfterFunc(ctx, func() { stdin.Close() })()
	driveErr := drive(Child{stdin, bufio.NewReader(stdout)})
	// The end of its input ends the child, and with it strace.
	stdin.Close()
	waitErr := cmd.Wait()
	if driveErr != nil {
		return nil, fmt.Errorf("counts: %w; the traced program said: %s", driveErr, bytes.TrimSpace(stderr.Bytes()))
	}
	if waitErr != nil {
		return nil, fmt.Errorf("counts: traced program: %w %s", waitErr, bytes.TrimSpace(stderr.Bytes()))
	}
	text, err := os.ReadFile(summary)
	if err != nil {
		return nil, fmt.Errorf("counts: %w", err)
	}
	return parseSummary(string(text))
}

// parseSummary reads the table that strace -c writes: the fourth column is the
// number of calls, the last one, after an optional count of errors, the name.
func parseSummary(text string) (map[string]int, error) {
	calls := map[string]int{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 5 || fields[0] == "%" || strings.HasPrefix(fields[0], "--") {
			continue
		}
		name := fields[len(fields)-1]
		if name == "total" {
			continue
		}
		n, err := strconv.Atoi(fields[3])
		if err != nil {
			return nil, fmt.Errorf("counts: strace said %q: %w", strings.TrimSpace(line), err)
		}
		calls[name] += n
	}
	return calls, nil
}
