package aead

// SetPacketNumber moves a PacketSealer to the packet with that number.
func SetPacketNumber(s *PacketSealer, number uint64) { s.next = number }

// Rewind lets an Opener begin its Sequence again.
func Rewind(o *Opener) { o.nonces.next = 0 }
