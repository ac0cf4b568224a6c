package aeadtest_test

import (
	"crypto/cipher"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/headrace-go/headrace/internal/aeadtest"
)

// Faults that any AEAD may have, and the check that is to find each.
var anyFaults = map[string]string{
	"nonce bytes swapped":                      "Published",
	"last nonce byte ignored":                  "Lengths",
	"nonce read 16 bytes wide":                 "GuardPages",
	"additional data beyond 256 bytes dropped": "AdditionalData",
	"length of additional data in one byte":    "AdditionalData",
	"length of text in 13 bits":                "LongLengths",
	"lengths swapped":                          "BigIntegers",
	"last partial block dropped":               "Lengths",
	"padding not zero":                         "Wycheproof",
	"scratch shared by all calls":              "Concurrency",
	"one byte read past the input":             "GuardPages",
	"a byte read before the input":             "GuardPages",
	"written past the output":                  "Lengths",
	"input changed":                            "Alignments",
	"dropped block":                            "Lengths",
	"short records panic":                      "Shape",
	"tag compared by 15 bytes":                 "Forgeries",
	"tag compared from its second byte":        "Forgeries",
	"tag of nothing not looked at":             "Forgeries",
	"hashed after opening in place":            "Lengths",
	"plaintext left behind":                    "Forgeries",
	"first half cleared":                       "Forgeries",
	"plaintext returned with the error":        "Forgeries",
	"tag cleared too":                          "Forgeries",
	"overlap not refused":                      "Overlap",
	"overlap of additional data not refused":   "Overlap",
	"counter begins one late":                  "BigIntegers",
	"wrong key power":                          "Lengths",
	"skipped reduction":                        "Lengths",
	"any key taken":                            "Shape",
	"key not copied":                           "Shape",
	"length in the wrong order":                "Chunks",
	"second nonce not used":                    "Chunks",
	"nonces moved on":                          "Chunks",
	"overlap of a chunk not refused":           "Chunks",
	"length not authenticated":                 "ForgedChunks",
	"limit not looked at":                      "Chunks",
	"payload opened under the first nonce":     "Chunks",
}

// Faults in what is special to a suite.
var suiteFaults = map[string]map[string]string{
	aeadtest.AES128GCM.Name: {
		"counter of one byte":            "LongLengths",
		"accumulator lost after 8 turns": "Lengths",
	},
	aeadtest.ChaCha20Poly1305.Name: {
		"key not clamped":                         "BigIntegers",
		"no carry into the upper half of the tag": "BigIntegers",
		"carry of a fold dropped":                 "Edges",
		"not reduced at the end":                  "Edges",
	},
}

// Each fault is found by the check that it is a matter for, and a model
// without any passes.
func TestFaultsAreFound(t *testing.T) {
	if raceEnabled {
		t.Skip("slow models, one goroutine: nothing for the race detector")
	}
	if testing.Short() {
		t.Skip("slow models")
	}
	for _, s := range []aeadtest.Suite{aeadtest.AES128GCM, aeadtest.ChaCha20Poly1305} {
		t.Run(s.Name, func(t *testing.T) {
			faults := maps.Clone(anyFaults)
			maps.Copy(faults, suiteFaults[s.Name])
			used := make(map[string]bool)
			for _, fault := range slices.Sorted(maps.Keys(faults)) {
				used[faults[fault]] = true
				if err := aeadtest.Check(s, broken(s, fault), faults[fault]); err == nil {
					t.Errorf("%s does not find: %s", faults[fault], fault)
				} else {
					t.Logf("%s: %.150v", fault, err)
				}
			}
			if os.Getenv("HEADRACE_SOAK") == "" {
				delete(used, "LongLengths") // seconds, with these models
			}
			for name := range used {
				if err := aeadtest.Check(s, broken(s, ""), name); err != nil {
					t.Errorf("the model without a fault: %v", err)
				}
			}
		})
	}
}

// A spender allocates with every call.
type spender struct{ cipher.AEAD }

var spent []byte

func (s spender) Seal(dst, nonce, plain, ad []byte) []byte {
	spent = append([]byte(nil), nonce...)
	return s.AEAD.Seal(dst, nonce, plain, ad)
}

func TestAllocationsAreFound(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	s := aeadtest.AES256GCM
	err := aeadtest.Check(s, func(key []byte) (cipher.AEAD, error) {
		a, err := s.Reference(key)
		return spender{a}, err
	}, "Allocs")
	if err == nil {
		t.Error("an allocation in Seal is not found")
	}
}
