// Package burst moves the bursts of layers that frame their bytes: it reads
// many records at a time into memory that is held only while there are bytes
// in it, and hands payloads on together.
//
// An [Arrivals] is what a layer has read and not opened yet. [Payloads] are
// parts of its buffer on their way out, through an [Outlet]. An [Inlet] is what
// a layer reads for itself that is to be framed.
package burst
