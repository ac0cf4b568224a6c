package main

import (
	"bytes"
	"errors"

	"github.com/headrace-go/headrace/aead"
)

var aeadMeasurements = []measurement{
	{"aead/seal/16384", perCall(seal)},
	{"aead/open/16384", perCall(open)},
	{"aead/chunk/1350", perCall(chunk)},
}

// sealerAndOpener returns two ends with the same key and nonces.
func sealerAndOpener() (*aead.Sealer, *aead.Opener, error) {
	suite := aead.Preferred()
	a, err := aead.New(suite, make([]byte, suite.KeySize()))
	if err != nil {
		return nil, nil, err
	}
	sealer, sealErr := aead.NewSealer(a, aead.LittleEndian(0))
	opener, openErr := aead.NewOpener(a, aead.LittleEndian(0))
	return sealer, opener, errors.Join(sealErr, openErr)
}

// seal seals in place.
func seal() (func() error, func(), error) {
	sealer, _, err := sealerAndOpener()
	record := make([]byte, 16384, 16384+aead.TagSize)
	return func() error {
		_, err := sealer.Seal(record[:0], record, nil)
		return err
	}, func() {}, err
}

// open opens in place what it has sealed, so it costs what both do.
func open() (func() error, func(), error) {
	sealer, opener, err := sealerAndOpener()
	plain := make([]byte, 16384, 16384+aead.TagSize)
	return func() error {
		record, err := sealer.Seal(plain[:0], plain, nil)
		if err != nil {
			return err
		}
		_, err = opener.Open(record[:0], record, nil)
		return err
	}, func() {}, err
}

// chunk seals and opens a Shadowsocks chunk: a length and a payload.
func chunk() (func() error, func(), error) {
	sealer, opener, err := sealerAndOpener()
	payload := bytes.Repeat([]byte("headrace!!"), 135)
	wire := make([]byte, 0, 2*len(payload))
	got := make([]byte, 0, 2*len(payload))
	return func() error {
		sealed, err := sealer.SealChunk(wire, payload)
		if err != nil {
			return err
		}
		opened, _, err := opener.OpenChunk(got, sealed, len(payload))
		if err == nil && !bytes.Equal(opened, payload) {
			err = errors.New("a chunk came back changed")
		}
		return err
	}, func() {}, err
}
