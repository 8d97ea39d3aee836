package partition

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// Partitions is what a Host offers to those who route requests to it. Open(Config) makes a *Host; besides it
// has Start, Drain(ctx), Close, Done, Err, Position(stream), Stats and, in manual mode, Lanes.
type Partitions interface {
	// Submit gives the record a place in the order of the stream, or refuses it. It never blocks and takes over
	// the record; it sets source, number and time in its header and raises its catalog version.
	//
	// done is called exactly once, after the commit that covers the record is synced and published; a refusal may
	// call it before Submit returns. A full queue is ResourceExhausted with RetryAfter; a stream that is not here, a
	// Host that drains, has closed or has failed is Unavailable, and then nobody knows whether the record counted.
	// done runs on the committing goroutine: it must not block and should only pass the reply on. nil is allowed.
	Submit(to machine.Stream, rec *machine.Record, done func(machine.Reply))

	// Get reads the value of a key as of the last durable commit; nil if it is absent. The bytes are the caller's.
	Get(from machine.Stream, k keys.Key) ([]byte, error)

	// Scan visits the rows of [start, end) in order as of the last durable commit, until visit returns false. The
	// bytes are only valid during the call.
	Scan(from machine.Stream, start, end keys.Key, visit func(k keys.Key, value []byte) bool) error
}
