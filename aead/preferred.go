package aead

import (
	"crypto/fips140"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/cpu"

	"github.com/headrace-go/headrace/internal/suites"
)

// measured is what Measure has chosen; 0 is nothing.
var measured atomic.Uint32

// Preferred is the suite to choose where the peer leaves the choice: the one
// that Measure has chosen, if it was called, and else AES-128-GCM if the
// processor has instructions for both of its halves, and otherwise
// ChaCha20-Poly1305, which is fast and free of timing leaks without any. That
// is the preference of crypto/tls. In FIPS 140 mode it is AES-128-GCM.
func Preferred() Suite {
	switch s := Suite(measured.Load()); {
	case s != 0:
		return s
	case hasGCM(), fips140.Enabled():
		return AES128GCM
	default:
		return ChaCha20Poly1305
	}
}

// A Speed is how long a backend takes to seal one record.
type Speed struct {
	Suite   Suite
	Backend string
	Size    int           // of the plaintext, in bytes
	Time    time.Duration // for one record, the best of several
}

// Measure seals records of 16 bytes to 16 KiB with every usable backend, for
// some milliseconds, and returns what it found. From then on Preferred is the
// suite that is faster here at records of 1350 bytes (AES-GCM needs the
// processor's instructions for that: without them it is never chosen, since it
// leaks its key by its timing), and New uses each backend at the lengths at
// which it has won. AEADs that exist are not affected.
//
// Measure may be called at any time, and is best called at the start of a
// program, before there is load: a measurement beside others is worth less.
func Measure() []Speed {
	var out []Speed
	best := map[Suite]time.Duration{}
	for _, s := range suites.Default().Measure() {
		out = append(out, Speed{Suite: Suite(s.ID), Backend: s.Backend, Size: s.Size, Time: s.Time})
		if t, ok := best[Suite(s.ID)]; s.Size == 1350 && (!ok || s.Time < t) {
			best[Suite(s.ID)] = s.Time
		}
	}
	choice := ChaCha20Poly1305
	chacha, ok := best[ChaCha20Poly1305]
	if gcm := best[AES128GCM]; !ok || hasGCM() && gcm <= chacha {
		choice = AES128GCM
	}
	measured.Store(uint32(choice))
	return out
}

func hasGCM() bool {
	switch runtime.GOARCH {
	case "amd64":
		return cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ && cpu.X86.HasSSE41 && cpu.X86.HasSSSE3
	case "arm64":
		return cpu.ARM64.HasAES && cpu.ARM64.HasPMULL
	case "s390x":
		return cpu.S390X.HasAES && cpu.S390X.HasAESCTR && cpu.S390X.HasGHASH
	case "ppc64", "ppc64le":
		return true
	default:
		return false
	}
}
