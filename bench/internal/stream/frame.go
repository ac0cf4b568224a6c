package stream

import "math/rand/v2"

// MaxPayload bounds the payload of a frame.
const MaxPayload = 128 << 10

const (
	headerSize = 16
	// grain aligns the payloads in the table to cache lines.
	grain = 64
	// lastFlag in a header's length ends the stream.
	lastFlag = 1 << 31
)

// table holds the bytes that all payloads are cut from. It stays in the
// second-level cache of a current core.
var table = func() *[2 * MaxPayload]byte {
	t := new([2 * MaxPayload]byte)
	rand.NewChaCha8([32]byte([]byte("headrace scorecard payload table"))).Read(t[:])
	return t
}()

// payload returns the n bytes that frame number seq of stream seed carries.
func payload(seed, seq uint64, n int) []byte {
	at := mix(seed, seq) % (MaxPayload / grain) * grain
	return table[at : at+uint64(n) : at+uint64(n)]
}

// check ties a header's length to its frame and stream.
func check(seed, seq uint64, length uint32) uint32 {
	return uint32(mix(seed, seq)>>32) ^ length
}

// mix is the finaliser of SplitMix64 over the seed and the frame's number.
func mix(seed, seq uint64) uint64 {
	x := seed + (seq+1)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
