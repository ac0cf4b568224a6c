// Package stream is what the scorecard's load generator and its target say
// to each other through the proxy under test: 64-byte requests, and bulk
// streams whose every byte is checked by the receiver.
//
// A bulk stream is a row of frames. A frame's header carries its number, its
// payload is cut from a fixed random table at a place that depends on the
// stream's seed and on that number. The sender sends straight from the table
// and the receiver compares with it, so the check costs one memory compare:
// a flipped, lost, repeated or reordered byte is found, and neither side is
// slowed down enough to become what is measured.
//
// None of the types is safe for concurrent use; a connection has one Writer
// and one Verifier per stream.
package stream
