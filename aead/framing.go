package aead

// A Framing is how a stream is cut into records. The zero Framing is Chunks.
type Framing uint8

const (
	// Chunks is the framing of Shadowsocks: each record is preceded by its
	// sealed length. An end of the stream between two chunks cannot be told
	// from one that was cut there.
	Chunks Framing = iota
	// Records is this package's own framing: see RecordHeadroom. CloseWrite
	// sends a last record, without which a stream is ErrTruncated; what comes
	// behind it is not read.
	Records
)

// headroom is what precedes a payload.
func (f Framing) headroom() int {
	if f == Records {
		return RecordHeadroom
	}
	return ChunkHeadroom
}

// overhead is how much longer than its payload a record is.
func (f Framing) overhead() int { return f.headroom() + TagSize }

// longest is the longest payload that a length can tell.
func (f Framing) longest() int {
	if f == Records {
		return MaxRecord
	}
	return maxLength
}
