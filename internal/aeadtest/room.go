package aeadtest

import (
	"bytes"
	"errors"
	"fmt"
	"unsafe"
)

// A room is memory whose alignment is known, with canaries all over.
type room struct{ all []byte }

const canary = 0xA5

// longest is the longest record that a room has space for; those that are
// longer are few, and have rooms of their own.
const longest = 64<<10 + 256

func newRoom(size int) *room {
	all := make([]byte, size+64+2*margin)
	skip := int(-uintptr(unsafe.Pointer(&all[0])) & 63)
	r := &room{all[skip : skip+size+2*margin]}
	for i := range r.all {
		r.all[i] = canary
	}
	return r
}

// margin is how much around a slot is watched.
const margin = 128

// slot returns n bytes that begin align bytes behind a multiple of 64, and end
// their capacity.
func (r *room) slot(align, n int) []byte {
	at := margin + align
	return r.all[at : at+n : at+n]
}

// restore finds out whether anything around a slot was changed, and fills the
// slot with canaries again.
func (r *room) restore(align, n int) error {
	at := margin + align
	for i, b := range r.all[at-margin : at] {
		if b != canary {
			return fmt.Errorf("changed a byte %d bytes before the output", margin-i)
		}
	}
	behind := r.all[at+n : min(at+n+margin, len(r.all))]
	for i, b := range behind {
		if b != canary {
			return fmt.Errorf("changed a byte %d bytes behind the output's end", i)
		}
	}
	slot := r.all[at : at+n]
	for i := range slot {
		slot[i] = canary
	}
	return nil
}

// A job is one record with what it becomes, and the rooms it is made in.
type job struct {
	pair
	src, dst, adRoom, nonceRoom *room

	n, ad                              int // lengths
	srcAlign, dstAlign, adAlign, nonAl int
}

func newJob(p pair, size int) *job {
	return &job{
		pair: p,
		src:  newRoom(size + tagSize + 64), dst: newRoom(size + tagSize + 64),
		adRoom: newRoom(4<<10 + 64), nonceRoom: newRoom(24 + 64),
	}
}

// run seals and opens one record of fresh bytes, disjoint and in place, and
// compares all that there is to compare.
func (j *job) run(from source) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		if err != nil {
			err = fmt.Errorf("%d bytes at %d mod 64 to %d mod 64, additional data of %d bytes at %d, nonce at %d: %w",
				j.n, j.srcAlign, j.dstAlign, j.ad, j.adAlign, j.nonAl, err)
		}
	}()
	ad, nonce := j.adRoom.slot(j.adAlign, j.ad), j.nonceRoom.slot(j.nonAl, j.want.NonceSize())
	_, _ = from.Read(ad)
	_, _ = from.Read(nonce)
	plain := from.bytes(j.n)
	sealed := j.want.Seal(nil, nonce, plain, ad)
	adBefore, nonceBefore := bytes.Clone(ad), bytes.Clone(nonce)

	src := j.src.slot(j.srcAlign, j.n)
	copy(src, plain)
	dst := j.dst.slot(j.dstAlign, len(sealed))
	got := j.got.Seal(dst[:0], nonce, src, ad)
	if err := same("Seal", got, sealed, dst); err != nil {
		return err
	}
	if !bytes.Equal(src, plain) {
		return errors.New("its Seal changed the plaintext")
	}
	if err := errors.Join(j.dst.restore(j.dstAlign, len(sealed)), j.src.restore(j.srcAlign, j.n)); err != nil {
		return fmt.Errorf("its Seal %w", err)
	}

	src = j.src.slot(j.srcAlign, len(sealed))
	copy(src, plain)
	if err := same("Seal in place", j.got.Seal(src[:0], nonce, src[:j.n], ad), sealed, src); err != nil {
		return err
	}
	// What was sealed in place is opened from where it lies.
	dst = j.dst.slot(j.dstAlign, j.n)
	opened, err := j.got.Open(dst[:0], nonce, src, ad)
	if err != nil {
		return fmt.Errorf("its Open: %w", err)
	}
	if err := same("Open", opened, plain, dst); err != nil {
		return err
	}
	if !bytes.Equal(src, sealed) {
		return errors.New("its Open changed the record")
	}
	if err := j.dst.restore(j.dstAlign, j.n); err != nil {
		return fmt.Errorf("its Open %w", err)
	}
	opened, err = j.got.Open(src[:0], nonce, src, ad)
	if err != nil {
		return fmt.Errorf("its Open in place: %w", err)
	}
	if err := same("Open in place", opened, plain, src); err != nil {
		return err
	}
	if !bytes.Equal(src[j.n:], sealed[j.n:]) {
		return errors.New("its Open in place changed the tag")
	}
	if err := j.src.restore(j.srcAlign, len(sealed)); err != nil {
		return fmt.Errorf("in place: %w", err)
	}
	if !bytes.Equal(ad, adBefore) || !bytes.Equal(nonce, nonceBefore) {
		return errors.New("additional data or nonce changed")
	}
	return errors.Join(j.adRoom.restore(j.adAlign, j.ad), j.nonceRoom.restore(j.nonAl, len(nonce)))
}

// same compares an output, which has to lie in slot, with what it should be.
func same(what string, got, want, slot []byte) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s made %d bytes, want %d", what, len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			return fmt.Errorf("%s: byte %d of %d is %#x, want %#x", what, i, len(want), got[i], want[i])
		}
	}
	if len(got) > 0 && &got[0] != &slot[0] {
		return fmt.Errorf("%s left the capacity that it had", what)
	}
	return nil
}
