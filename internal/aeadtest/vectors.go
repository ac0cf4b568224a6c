package aeadtest

import (
	"bytes"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

//go:embed testdata/wycheproof/*.json
var wycheproof embed.FS

// A hexBytes is written in hexadecimal.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type vectorFile struct {
	NumberOfTests int
	TestGroups    []struct {
		IVSize, KeySize, TagSize int // in bits
		Tests                    []vector
	}
}

type vector struct {
	TCID                       int
	Comment                    string
	Key, IV, AAD, Msg, CT, Tag hexBytes
	Result                     string
}

// checkWycheproof: every case of the suite, valid and invalid. Cases of
// another key or nonce length are another suite's.
func checkWycheproof(s *subject) error {
	text, err := wycheproof.ReadFile("testdata/wycheproof/" + s.suite.vectors)
	if err != nil {
		return err
	}
	var file vectorFile
	if err := json.Unmarshal(text, &file); err != nil {
		return err
	}
	valid, invalid := 0, 0
	for _, g := range file.TestGroups {
		if g.KeySize != 8*s.suite.KeySize || g.IVSize != 8*s.suite.NonceSize || g.TagSize != 8*tagSize {
			continue
		}
		for _, v := range g.Tests {
			if err := s.try(v); err != nil {
				return fmt.Errorf("case %d (%s): %w", v.TCID, v.Comment, err)
			}
			if v.Result == "invalid" {
				invalid++
			} else {
				valid++
			}
		}
	}
	if valid < 20 || invalid < 20 {
		return fmt.Errorf("only %d valid and %d invalid cases found", valid, invalid)
	}
	return nil
}

func (s *subject) try(v vector) error {
	a, err := s.newAEAD(v.Key)
	if err != nil {
		return err
	}
	record := append(bytes.Clone(v.CT), v.Tag...)
	opened, err := a.Open(nil, v.IV, record, v.AAD)
	switch v.Result {
	case "invalid":
		if err == nil || opened != nil {
			return fmt.Errorf("its Open = %x, %v, want nil and an error", opened, err)
		}
		return nil
	case "valid":
	default:
		return fmt.Errorf("unknown result %q", v.Result)
	}
	if err != nil || !bytes.Equal(opened, v.Msg) {
		return fmt.Errorf("its Open = %x, %v, want %x", opened, err, v.Msg)
	}
	if sealed := a.Seal(nil, v.IV, v.Msg, v.AAD); !bytes.Equal(sealed, record) {
		return fmt.Errorf("its Seal = %x, want %x", sealed, record)
	}
	return nil
}

// checkPublished: the vectors of the suite's own specification.
func checkPublished(s *subject) error {
	found := false
	for _, p := range published {
		if p.suite != s.suite.Name {
			continue
		}
		found = true
		v := vector{Result: "valid"}
		for _, f := range []struct {
			to   *hexBytes
			from string
		}{{&v.Key, p.key}, {&v.IV, p.nonce}, {&v.AAD, p.ad}, {&v.Msg, p.plain}, {&v.CT, p.sealed}, {&v.Tag, p.tag}} {
			if err := f.to.UnmarshalText([]byte(f.from)); err != nil {
				return fmt.Errorf("%s: %w", p.source, err)
			}
		}
		if err := s.try(v); err != nil {
			return fmt.Errorf("%s: %w", p.source, err)
		}
	}
	if !found {
		return errors.New("no published vectors")
	}
	return nil
}
