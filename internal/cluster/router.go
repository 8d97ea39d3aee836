package cluster

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/partition"
)

// Routing is what handlers hold of the cluster; *Router implements it. All errors are *lh.Error.
type Routing interface {
	// Core is the stream of a routing key (machine.CoreOf).
	Core(tenant, key string) machine.Stream
	// Repartition is the repartition stream of a routing key (machine.RepartitionOf).
	Repartition(tenant, key string) machine.Stream
	// Streams are all core streams.
	Streams() []machine.Stream
	// Metadata is the stream of definitions.
	Metadata() machine.Stream
	// Here tells whether the stream is served by this server at present.
	Here(s machine.Stream) bool
	// Submit writes a record to a stream and waits for the outcome: the reply of the machine, or its refusal,
	// ResourceExhausted of a full queue, Unavailable, or DeadlineExceeded when ctx ended first. After the last two
	// nobody knows whether the record counted.
	Submit(ctx context.Context, to machine.Stream, rec *machine.Record) (proto.Message, error)
	// SubmitThen is Submit, and then is called once with the outcome before the caller has it, and even if he has given
	// up, on the committing goroutine: it must not block.
	SubmitThen(ctx context.Context, to machine.Stream, rec *machine.Record, then func(machine.Reply)) (proto.Message, error)
	// SubmitFunc is Submit without waiting: done is called once, on the committing goroutine, and must not block. ctx
	// only says whose trace the record is part of.
	SubmitFunc(ctx context.Context, to machine.Stream, rec *machine.Record, done func(machine.Reply))
	// Get reads the value of a key as of the last durable commit; nil, nil if it is absent.
	Get(ctx context.Context, from machine.Stream, k keys.Key) ([]byte, error)
	// Scan reads the rows of [start, end) in order as of the last durable commit, at most limit of them; an empty
	// end means the end of the partition.
	Scan(ctx context.Context, from machine.Stream, start, end keys.Key, limit int) ([]Row, error)
	// Watch tells again and again when something may have been thrown in a WfRun that lives at another server, until end is
	// called. What is thrown at this server it does not tell.
	Watch(ctx context.Context, from machine.Stream, tenant, wfRun string) (thrown <-chan struct{}, end func())
	// View lets read look at a partition as of the last durable commit, any number of times at the same moment. The
	// moment is held until read returns. If the partition moves meanwhile, what was seen does not count, and read is called
	// again: it begins anew each time.
	View(ctx context.Context, from machine.Stream, read func(View) error) error
}

// View is a partition at one moment, with Get and Scan as in Routing.
type View interface {
	Get(k keys.Key) ([]byte, error)
	Scan(start, end keys.Key, limit int) ([]Row, error)
	// ScanBack is Scan from the last row to the first. A server of a version that cannot do it is Unavailable.
	ScanBack(start, end keys.Key, limit int) ([]Row, error)
}

// Row is a key and its encoded value.
type Row struct {
	Key   keys.Key
	Value []byte
}

// Host is what the Router needs of partition.Host.
type Host interface {
	SubmitFor(ctx context.Context, to machine.Stream, rec *machine.Record, done func(machine.Reply))
	Get(from machine.Stream, k keys.Key) ([]byte, error)
	Scan(from machine.Stream, start, end keys.Key, visit func(k keys.Key, value []byte) bool) error
	View(from machine.Stream, read func(partition.View) error) error
}

// Router sends requests to the one server there is.
type Router struct {
	host  Host
	core  []machine.Stream
	waits waits
}

var _ Routing = (*Router)(nil)

// New makes a Router over the host of all partitions. It panics unless there is at least one and at most 65536.
func New(host Host, partitions int) *Router {
	if partitions < 1 || partitions > maxPartitions {
		panic(fmt.Sprintf("cluster: %d partitions", partitions))
	}
	return &Router{host: host, core: CoreStreams(partitions)}
}

const maxPartitions = 1 << 16

// RepartitionStreams are the repartition streams of a cluster with that many partitions.
func RepartitionStreams(partitions int) []machine.Stream {
	out := CoreStreams(partitions)
	for i := range out {
		out[i].Kind = machine.Repartition
	}
	return out
}

// CoreStreams are the core streams of a cluster with that many partitions.
func CoreStreams(partitions int) []machine.Stream {
	out := make([]machine.Stream, partitions)
	for i := range out {
		out[i] = machine.Stream{Kind: machine.Core, Partition: uint16(i)}
	}
	return out
}

// MetadataStream is the one stream of definitions.
var MetadataStream = machine.Stream{Kind: machine.Metadata}

// Core implements Routing.
func (r *Router) Core(tenant, key string) machine.Stream {
	return r.core[machine.PartitionOf(tenant, key, len(r.core))]
}

// Repartition implements Routing.
func (r *Router) Repartition(tenant, key string) machine.Stream {
	return machine.RepartitionOf(tenant, key, len(r.core))
}

// Streams implements Routing.
func (r *Router) Streams() []machine.Stream { return append([]machine.Stream(nil), r.core...) }

// Metadata implements Routing.
func (r *Router) Metadata() machine.Stream { return MetadataStream }

// Here implements Routing: everything is.
func (r *Router) Here(machine.Stream) bool { return true }

// Watch implements Routing: there is no other server.
func (r *Router) Watch(context.Context, machine.Stream, string, string) (thrown <-chan struct{}, end func()) {
	return nil, func() {}
}

// Submit implements Routing.
func (r *Router) Submit(ctx context.Context, to machine.Stream, rec *machine.Record) (proto.Message, error) {
	return r.SubmitThen(ctx, to, rec, nil)
}

// SubmitThen implements Routing.
func (r *Router) SubmitThen(ctx context.Context, to machine.Stream, rec *machine.Record, then func(machine.Reply)) (proto.Message, error) {
	if err := ended(ctx); err != nil {
		if then != nil {
			then(machine.Reply{Err: lh.AsError(err)})
		}
		return nil, err
	}
	w := r.waits.begin(ctx, then)
	r.host.SubmitFor(ctx, to, rec, w.done)
	reply, ok := r.waits.end(w)
	switch {
	case !ok:
		return nil, ended(ctx)
	case reply.Err != nil:
		return nil, reply.Err
	default:
		return reply.Value, nil
	}
}

// SubmitFunc implements Routing.
func (r *Router) SubmitFunc(ctx context.Context, to machine.Stream, rec *machine.Record, done func(machine.Reply)) {
	r.host.SubmitFor(ctx, to, rec, done)
}

// Get implements Routing.
func (r *Router) Get(ctx context.Context, from machine.Stream, k keys.Key) ([]byte, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	value, err := r.host.Get(from, k)
	return value, trouble(err)
}

// Scan implements Routing.
func (r *Router) Scan(ctx context.Context, from machine.Stream, start, end keys.Key, limit int) ([]Row, error) {
	return scan(ctx, limit, func(visit visitor) error { return r.host.Scan(from, start, end, visit) })
}

// visitor takes a row, and says whether it wants another.
type visitor = func(k keys.Key, value []byte) bool

// scan collects what is visited.
func scan(ctx context.Context, limit int, visit func(visitor) error) ([]Row, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	if limit <= 0 {
		return nil, nil
	}
	var rows []Row
	err := visit(func(k keys.Key, value []byte) bool {
		rows = append(rows, Row{Key: k, Value: append([]byte{}, value...)})
		return len(rows) < limit && (len(rows)%contextEvery != 0 || ctx.Err() == nil)
	})
	if err == nil {
		err = ended(ctx)
	}
	if err != nil {
		return nil, trouble(err)
	}
	return rows, nil
}

// View implements Routing.
func (r *Router) View(ctx context.Context, from machine.Stream, read func(View) error) error {
	if err := ended(ctx); err != nil {
		return err
	}
	var answer error
	err := r.host.View(from, func(v partition.View) error {
		answer = read(moment{ctx, v})
		return nil
	})
	if err != nil {
		return trouble(err)
	}
	return answer
}

// moment is a View of this server, for one caller.
type moment struct {
	ctx  context.Context
	view partition.View
}

// Get implements View.
func (m moment) Get(k keys.Key) ([]byte, error) {
	if err := ended(m.ctx); err != nil {
		return nil, err
	}
	value, err := m.view.Get(k)
	return value, trouble(err)
}

// Scan implements View.
func (m moment) Scan(start, end keys.Key, limit int) ([]Row, error) {
	return scan(m.ctx, limit, func(visit visitor) error { return m.view.Scan(start, end, visit) })
}

// ScanBack implements View.
func (m moment) ScanBack(start, end keys.Key, limit int) ([]Row, error) {
	return scan(m.ctx, limit, func(visit visitor) error { return m.view.ScanBack(start, end, visit) })
}

// contextEvery is after how many rows a scan looks whether its caller still waits.
const contextEvery = 256

// ended turns the end of a context into what the caller is told.
func ended(ctx context.Context) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return lh.Errorf(lh.DeadlineExceeded, "the deadline passed before the answer; the request may have counted")
	default:
		return lh.Errorf(lh.DeadlineExceeded, "the caller gave up before the answer; the request may have counted")
	}
}

// trouble turns what is not a refusal into one.
func trouble(err error) error {
	if err == nil {
		return nil
	}
	if refusal := lh.AsError(err); refusal != nil {
		return refusal
	}
	return lh.Errorf(lh.Unavailable, "the state cannot be read: %v", err)
}
