// Aeadpeers measures the AEADs of a Go program and those of the openssl command
// of this machine by turns, and prints the rates in the Go benchmark format:
//
//	go run ./bench/cmd/record -o bench/results/aead-openssl.txt \
//		go run ./bench/cmd/aeadpeers
//
// Each turn is one second of openssl speed, by its own processor time, and a
// tenth of one for each implementation in Go, of which the fastest hundredth
// counts: so others on the machine matter little. Openssl seals in place; so do
// the others. Its -aead has 13 bytes of additional data and a tag for each call,
// as records do; both ways are measured.
package main

import (
	"bytes"
	"context"
	"crypto/cipher"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/headrace-go/headrace/internal/suites"
)

func main() {
	rounds := flag.Int("rounds", 3, "interleaved `rounds`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, *rounds, []int{64, 1350, 16384})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// ciphers are what openssl calls the suites.
var ciphers = map[suites.ID]string{
	suites.AES128GCM: "aes-128-gcm", suites.AES256GCM: "aes-256-gcm", suites.ChaCha20Poly1305: "chacha20-poly1305",
}

func run(ctx context.Context, stdout io.Writer, rounds int, sizes []int) error {
	for _, id := range []suites.ID{suites.AES128GCM, suites.AES256GCM, suites.ChaCha20Poly1305} {
		for _, size := range sizes {
			for range rounds {
				report := func(impl string, rate float64) {
					fmt.Fprintf(stdout, "BenchmarkPeers/suite=%v/size=%d/impl=%s 1 %.1f MB/s\n", id, size, impl, rate/1e6)
				}
				for _, b := range suites.Default().Backends(id) {
					if b.Unavailable != "" {
						continue
					}
					a, err := b.New(make([]byte, id.KeySize()))
					if err != nil {
						return err
					}
					report(b.Name, seal(a, size))
				}
				for impl, extra := range map[string][]string{"openssl": nil, "openssl-aead": {"-aead"}} {
					rate, err := openssl(ctx, append(extra, "-evp", ciphers[id]), size)
					if err != nil {
						return fmt.Errorf("openssl speed of %v: %w", id, err)
					}
					report(impl, rate)
				}
			}
		}
	}
	return nil
}

// seal seals records of size bytes for a tenth of a second and returns bytes
// per second.
func seal(a cipher.AEAD, size int) float64 {
	nonce, additional := make([]byte, a.NonceSize()), make([]byte, 13)
	buf := make([]byte, size, size+a.Overhead())
	best := 0.0
	for range 100 {
		done, start := 0, time.Now()
		for time.Since(start) < time.Millisecond {
			for range 100 {
				a.Seal(buf[:0], nonce, buf[:size], additional)
			}
			done += 100 * size
		}
		best = max(best, float64(done)/time.Since(start).Seconds())
	}
	return best
}

// openssl runs openssl speed and returns bytes per second.
func openssl(ctx context.Context, args []string, size int) (float64, error) {
	args = append([]string{"speed", "-mr", "-seconds", "1", "-bytes", strconv.Itoa(size)}, args...)
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "openssl", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	return parse(string(out))
}

var errNoRate = errors.New("no rate in what openssl prints")

// parse finds the rate in machine-readable output: "+F:25:AES-256-GCM:534860643.56".
func parse(out string) (float64, error) {
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "+F:") {
			continue
		}
		rate, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ':')+1:]), 64)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", errNoRate, err)
		}
		return rate, nil
	}
	return 0, errNoRate
}
