package aead

import (
	"runtime"

	"golang.org/x/sys/cpu"
)

// Preferred is the suite to choose where the peer leaves the choice: AES-GCM
// if the processor has instructions for both of its halves, and otherwise
// ChaCha20-Poly1305, which is fast and free of timing leaks without any. It is
// the preference of crypto/tls.
func Preferred() Suite {
	if hasGCM() {
		return AES128GCM
	}
	return ChaCha20Poly1305
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
