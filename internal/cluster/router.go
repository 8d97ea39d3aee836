package cluster

import (
	"context"

	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// Host is what the Router needs of partition.Host.
type Host interface {
	Submit(to machine.Stream, rec *machine.Record, done func(machine.Reply))
	Get(from machine.Stream, k keys.Key) ([]byte, error)
	Scan(from machine.Stream, start, end keys.Key, visit func(k keys.Key, value []byte) bool) error
}

// Row is a key and its encoded value.
type Row struct {
	Key   keys.Key
	Value []byte
}

// Routing is what handlers hold of the cluster; *Router implements it.
type Routing interface {
	// Core is the stream of a routing key: the id of the root WfRun, or the name of the TaskDef for worker groups.
	Core(tenant, key string) machine.Stream
	// Streams are all core streams.
	Streams() []machine.Stream
	// Metadata is the stream of definitions.
	Metadata() machine.Stream
	// Submit writes a record to a stream and waits for the outcome. The error is an *lh.Error: a refusal of the
	// machine, ResourceExhausted of a full queue, Unavailable, or DeadlineExceeded when ctx ended first; after the last two
	// nobody knows whether the record counted.
	Submit(ctx context.Context, to machine.Stream, rec *machine.Record) (proto.Message, error)
	// SubmitFunc is Submit without waiting: done is called once, on the committing goroutine, and must not block.
	SubmitFunc(to machine.Stream, rec *machine.Record, done func(machine.Reply))
	// Get reads the value of a key as of the last durable commit; nil, nil if it is absent.
	Get(ctx context.Context, from machine.Stream, k keys.Key) ([]byte, error)
	// Scan reads the rows of [start, end) in order as of the last durable commit, at most limit of them.
	Scan(ctx context.Context, from machine.Stream, start, end keys.Key, limit int) ([]Row, error)
}
