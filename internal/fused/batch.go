package fused

// Most is the longest text of a record that a Batcher takes.
const Most = 384

// A Batcher seals and opens four short records side by side, for less than one
// by one.
type Batcher interface {
	// Fours reports whether SealFour and OpenFour ever do anything.
	Fours() bool

	// SealFour seals in[i], without additional data, under nonces[12*i:] into
	// out[i], which is TagSize bytes longer, and reports whether it did. If
	// not, nothing has happened: texts have to be of 1 to Most bytes, and
	// there may be other conditions, which hold most of the time.
	//
	// No slice is kept. A text may begin where its output begins; with any
	// other overlap of the two SealFour panics. Records do not overlap each
	// other. It does not allocate.
	SealFour(out, in [4][]byte, nonces [4 * NonceSize]byte) bool

	// OpenFour opens in[i], without additional data, under nonces[12*i:] into
	// out[i], which is TagSize bytes shorter, and reports how many records,
	// from the first on, were authentic: the outputs of the others hold
	// nothing of their plaintext. In all else it is as SealFour.
	OpenFour(out, in [4][]byte, nonces [4 * NonceSize]byte) (opened int, did bool)
}
