package rivals

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// relayRole names, in the environment, the relay that this program shall be
// instead of a test: then what a relay costs is what its process costs.
const relayRole = "RIVALS_RELAY"

// The process begins and ends here, since TestMain is for all systems.
func init() {
	name := os.Getenv(relayRole)
	if name == "" {
		return
	}
	if err := beRelay(name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// nobody is a user who may do nothing that others may not.
const nobody = 65534

// beRelay accepts connections, reads from each where it shall go, and relays. It
// answers each line of its input with the number of allocations so far, and
// ends with its input.
func beRelay(name string) error {
	var run func(a, b net.Conn) error
	for _, r := range relays {
		if r.name == name {
			run = r.run
		}
	}
	if run == nil {
		return fmt.Errorf("no relay %q", name)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				if err := forward(c, run); err != nil {
					fmt.Fprintln(os.Stderr, "relay:", err)
				}
			}()
		}
	}()
	fmt.Println(ln.Addr())
	asked := bufio.NewScanner(os.Stdin)
	for asked.Scan() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println(m.Mallocs)
	}
	return ln.Close()
}

// forward reads six bytes, an IPv4 address and a port.
func forward(c net.Conn, run func(a, b net.Conn) error) error {
	var to [6]byte
	if _, err := io.ReadFull(c, to[:]); err != nil {
		return errors.Join(err, c.Close())
	}
	addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte(to[:4])), uint16(to[4])<<8|uint16(to[5]))
	target, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(addr))
	if err != nil {
		return errors.Join(err, c.Close())
	}
	if err := run(c, target); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// A relayProcess is a relay in a process of its own.
type relayProcess struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Scanner
	addr  string
	trace string // the summary of strace, written at its end
}

// startRelay starts r for the time of a test, under strace if traced, and as a
// user without rights if so wished.
func startRelay(tb testing.TB, r relay, traced, unprivileged bool) *relayProcess {
	tb.Helper()
	p := &relayProcess{}
	args := []string{"/proc/self/exe"} // found by any user
	if traced {
		strace, err := exec.LookPath("strace")
		if err != nil {
			tb.Skipf("counting system calls needs strace: %v", err)
		}
		self, err := os.Executable()
		if err != nil {
			tb.Fatal(err)
		}
		p.trace = tb.TempDir() + "/summary"
		args = []string{strace, "-c", "-f", "-qq", "-o", p.trace, self}
	}
	p.cmd = exec.Command(args[0], args[1:]...)
	p.cmd.Env = append(os.Environ(), relayRole+"="+r.name)
	p.cmd.Stderr = os.Stderr
	if unprivileged {
		if os.Getuid() != 0 {
			tb.Skip("becoming another user needs root")
		}
		p.cmd.SysProcAttr = asUser(nobody)
	}
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.stop)
	p.out = bufio.NewScanner(out)
	if !p.out.Scan() {
		tb.Fatalf("relay %s did not start", r.name)
	}
	p.addr = p.out.Text()
	return p
}

// stop ends the process. A second call does nothing.
func (p *relayProcess) stop() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}

// mallocs asks for the number of allocations so far.
func (p *relayProcess) mallocs(tb testing.TB) (n int64) {
	tb.Helper()
	if _, err := io.WriteString(p.in, "\n"); err != nil || !p.out.Scan() {
		tb.Fatal("the relay does not answer", err)
	}
	if _, err := fmt.Sscan(p.out.Text(), &n); err != nil {
		tb.Fatal(err)
	}
	return n
}

// calls ends the process and returns how many system calls it made. The waits
// of Go's scheduler are left out: they depend on the moment.
func (p *relayProcess) calls(tb testing.TB) (n int64) {
	tb.Helper()
	p.stop()
	summary, err := os.ReadFile(p.trace)
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(summary)) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		switch fields[len(fields)-1] {
		case "read", "write", "readv", "writev", "splice", "recvfrom", "sendto", "pipe2", "fcntl", "epoll_pwait", "close":
			var k int64
			if _, err := fmt.Sscan(fields[3], &k); err != nil {
				tb.Fatalf("%q: %v", line, err)
			}
			n += k
		}
	}
	return n
}

// connect opens n connections through the relay. serve is given the far ends.
func (p *relayProcess) connect(tb testing.TB, n int, serve func(net.Conn)) []net.Conn {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	to := ln.Addr().(*net.TCPAddr)
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := net.Dial("tcp", p.addr)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { c.Close() })
		if _, err := c.Write(append(to.IP.To4()[:4:4], byte(to.Port>>8), byte(to.Port))); err != nil {
			tb.Fatal(err)
		}
		far, err := ln.Accept()
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { far.Close() })
		go serve(far)
		conns[i] = c
	}
	return conns
}

// sendBulk sends chunks of 256 KiB on all conns, total chunks in all, and waits
// until the far ends, which must be discarding, have them.
func sendBulk(tb testing.TB, conns []net.Conn, total int, arrived *sync.WaitGroup) {
	tb.Helper()
	var senders sync.WaitGroup
	for i, c := range conns {
		senders.Go(func() {
			chunk := make([]byte, 256<<10)
			for k := i; k < total; k += len(conns) {
				if _, err := c.Write(chunk); err != nil {
					tb.Error(err)
					return
				}
			}
			if err := c.(*net.TCPConn).CloseWrite(); err != nil {
				tb.Error(err)
			}
		})
	}
	senders.Wait()
	arrived.Wait()
}

// BenchmarkRelayProcessBulk moves bytes one way; relay-cpu is the processor
// time of the relay's process alone.
func BenchmarkRelayProcessBulk(b *testing.B) {
	for _, load := range []struct {
		conns        int
		unprivileged bool
	}{{1, false}, {16, false}, {64, true}} {
		for _, r := range relays {
			user := "same"
			if load.unprivileged {
				user = "nobody"
			}
			b.Run(fmt.Sprintf("impl=%s/conns=%d/user=%s", r.name, load.conns, user), func(b *testing.B) {
				p := startRelay(b, r, false, load.unprivileged)
				var arrived sync.WaitGroup
				arrived.Add(load.conns)
				conns := p.connect(b, load.conns, func(c net.Conn) {
					defer arrived.Done()
					buf := make([]byte, 256<<10)
					for {
						if _, err := c.Read(buf); err != nil {
							return
						}
					}
				})
				b.SetBytes(256 << 10)
				mallocs, cpu := p.mallocs(b), processNanoseconds(b, p.cmd.Process.Pid)
				b.ResetTimer()
				sendBulk(b, conns, b.N, &arrived)
				b.StopTimer()
				bytes := float64(b.N) * (256 << 10)
				b.ReportMetric(float64(processNanoseconds(b, p.cmd.Process.Pid)-cpu)/bytes, "relay-cpu-ns/B")
				b.ReportMetric(float64(p.mallocs(b)-mallocs)/(bytes/1e6), "relay-allocs/MB")
			})
		}
	}
}

// echoSizes are those of a keystroke and of a message.
var echoSizes = []int{64, 4096}

// BenchmarkRelayProcessEcho sends a message there and back.
func BenchmarkRelayProcessEcho(b *testing.B) {
	for _, size := range echoSizes {
		for _, r := range relays {
			b.Run(fmt.Sprintf("impl=%s/size=%d", r.name, size), func(b *testing.B) {
				p := startRelay(b, r, false, false)
				near := p.connect(b, 1, reflect)[0]
				buffer := make([]byte, size)
				roundTrip(b, near, buffer) // what comes once is over
				times := newLatencies()
				mallocs, cpu := p.mallocs(b), processNanoseconds(b, p.cmd.Process.Pid)
				b.ResetTimer()
				for range b.N {
					times.begin()
					roundTrip(b, near, buffer)
					times.end()
				}
				b.StopTimer()
				times.report(b)
				b.ReportMetric(float64(processNanoseconds(b, p.cmd.Process.Pid)-cpu)/float64(b.N), "relay-cpu-ns/op")
				b.ReportMetric(float64(p.mallocs(b)-mallocs)/float64(b.N), "relay-allocs/op")
			})
		}
	}
}

// BenchmarkRelayCalls counts system calls: under strace, so that its times
// mean nothing.
func BenchmarkRelayCalls(b *testing.B) {
	const rounds, chunks = 500, 400
	for _, r := range relays {
		b.Run("impl="+r.name, func(b *testing.B) {
			for range b.N {
				idle := tracedCalls(b, r, func(*relayProcess) {})
				for _, size := range echoSizes {
					n := tracedCalls(b, r, func(p *relayProcess) {
						near := p.connect(b, 1, reflect)[0]
						buffer := make([]byte, size)
						for range rounds {
							roundTrip(b, near, buffer)
						}
					})
					b.ReportMetric(float64(n-idle)/rounds, fmt.Sprintf("calls/echo-%d", size))
				}
				n := tracedCalls(b, r, func(p *relayProcess) {
					var arrived sync.WaitGroup
					arrived.Add(1)
					conns := p.connect(b, 1, func(c net.Conn) {
						defer arrived.Done()
						_, _ = io.Copy(io.Discard, c)
					})
					sendBulk(b, conns, chunks, &arrived)
				})
				b.ReportMetric(float64(n-idle)/(chunks*(256<<10)/1e6), "calls/MB")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// tracedCalls returns how many system calls a relay makes for a load.
func tracedCalls(b *testing.B, r relay, load func(*relayProcess)) int64 {
	p := startRelay(b, r, true, false)
	load(p)
	return p.calls(b)
}

func reflect(c net.Conn) { _, _ = io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c}) }

func roundTrip(b *testing.B, c net.Conn, buffer []byte) {
	if _, err := c.Write(buffer); err != nil {
		b.Fatal(err)
	}
	if _, err := io.ReadFull(c, buffer); err != nil {
		b.Fatal(err)
	}
}
