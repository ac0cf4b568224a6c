//go:build !purego

package aesgcm

import (
	"strings"
	"testing"
)

func allBits() *processor {
	return &processor{vendor: "AuthenticAMD", family: 26, ecx1: ^uint32(0), ebx7: ^uint32(0), ecx7: ^uint32(0), xcr0: ^uint32(0)}
}

// TestEveryFeatureIsNeeded: without any one bit the kernels are off.
func TestEveryFeatureIsNeeded(t *testing.T) {
	for _, features := range [][]feature{ymmFeatures, zmmFeatures} {
		if got := allBits().unavailable(features, true, "linux", false, ""); got != "" {
			t.Fatalf("with all features: unavailable = %q", got)
		}
		for _, f := range features {
			p := allBits()
			for _, word := range []*uint32{&p.ecx1, &p.ebx7, &p.ecx7, &p.xcr0} {
				before := f.word(p)
				old := *word
				*word &^= 1 << f.bit
				if f.word(p) == before {
					*word = old
				}
			}
			if got, want := p.unavailable(features, true, "linux", false, ""), "no "+f.name; got != want {
				t.Errorf("without %s: unavailable = %q, want %q", f.name, got, want)
			}
		}
	}
}

func TestUnavailable(t *testing.T) {
	icelake := allBits()
	icelake.vendor, icelake.family, icelake.model = "GenuineIntel", 6, 106
	sapphire := *icelake
	sapphire.model = 143
	for _, c := range []struct {
		what   string
		p      *processor
		wide   bool
		goos   string
		fips   bool
		choice string
		want   string
	}{
		{"all", allBits(), true, "linux", false, "", ""},
		{"darwin", allBits(), true, "darwin", false, "", "darwin"},
		{"FIPS", allBits(), true, "linux", true, "", "FIPS"},
		{"std chosen", allBits(), true, "linux", false, "std", "HEADRACE_AEAD"},
		{"something else chosen", allBits(), true, "linux", false, "zmm", ""},
		{"Ice Lake, 512 bits", icelake, true, "linux", false, "", "clock"},
		{"Ice Lake, 256 bits", icelake, false, "linux", false, "", ""},
		{"Sapphire Rapids", &sapphire, true, "linux", false, "", ""},
	} {
		got := c.p.unavailable(zmmFeatures, c.wide, c.goos, c.fips, c.choice)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: unavailable = %q, want %q", c.what, got, c.want)
		}
	}
}
