// Package bridge joins two TUN devices so that they look like the two ends of
// one long wire: each direction has a rate, a one-way delay and a bounded
// drop-tail queue. It works on IP packets and does not look at what they carry:
// TCP, UDP, IPv4 and IPv6 are all treated alike.
//
// A [Line] is one direction, as plain arithmetic over the times it is given. A
// [Bridge] drives two of them between two devices, on one thread, which sleeps
// until the next packet arrives or falls due. It exists for benchmarks on
// kernels without netem; where there is netem, use that.
//
// The kernel hands over whole multi-segment packets (TSO, USO) where a device
// allows it: one read and one write then carry dozens of wire packets. They
// cross as a whole, are admitted or dropped as a whole, and arrive when the
// last of their segments would; the rate and the queue count every segment with
// its own headers. Who sets up the device bounds their size, and so this
// coarseness, by its gso_max_size.
package bridge
