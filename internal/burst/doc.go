// Package burst moves the bursts of layers that frame their bytes: it reads
// many records at a time into memory that is held only while there are bytes
// in it, and hands payloads on together.
//
// [Arrivals] is what a layer has read and not opened yet, and a [Delivery] hands
// it on: [Payloads] are parts of its buffer on their way out, through an
// [Outlet]. [Departures] is what a layer has sealed, on its way to what it writes
// to. An [Inlet] is what a layer reads for itself that is to be framed.
//
// A layer says what a record is, through [Opener] and [Framer]: both are called
// once a burst, not once a record.
package burst
