package machine

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
)

// Kind is one of the streams a cluster has.
type Kind byte

// The kinds of streams.
const (
	Metadata    Kind = 'm' // definitions, one partition
	Core        Kind = 'c' // run data
	Repartition Kind = 'p' // windows of metrics
)

// Stream is one partition of one kind: records in, a slice of the keyspace out.
type Stream struct {
	Kind      Kind
	Partition uint16
}

func (s Stream) String() string { return fmt.Sprintf("%c/%d", s.Kind, s.Partition) }

// Record is one entry of a stream.
type Record = pb.Record

// Value is what a key holds: a protobuf message with its generated fast encoding. Equal messages have
// equal bytes.
type Value interface {
	proto.Message
	MarshalVT() ([]byte, error)
	MarshalToSizedBufferVT([]byte) (int, error)
	UnmarshalVT([]byte) error
	SizeVT() int
}

// Machine applies records, one at a time.
type Machine interface {
	Apply(v View, r *Record) Effects
}

// Foreseer is a Machine that knows early what it will read.
type Foreseer interface {
	Machine
	// Foresee reads what Apply is likely to read for the record, so that the lane need not wait for it when the
	// record's turn comes. It decides nothing: what v shows may be old by then, and scans show nothing. It may be
	// called while Apply runs.
	Foresee(v View, r *Record)
}

// Getter reads single rows.
type Getter interface {
	// Get returns what the key holds, or nil. The value is shared: it must not be changed, only replaced by
	// a Change. empty makes a value to decode into.
	Get(k keys.Key, empty func() Value) Value
}

// View is the state of one partition as of the record before this one.
type View interface {
	Getter
	// Scan walks the keys in [from, to) in order, at most limit of them. Values are shared as in Get.
	Scan(from, to keys.Key, limit int, empty func() Value) iter.Seq2[keys.Key, Value]
	// Err is the first error of any read. The lane looks at it after Apply and drops the effects; a machine
	// need not.
	Err() error
}

// Get reads a value of a known type; nil if the key is absent.
func Get[T any, P interface {
	*T
	Value
}](v Getter, k keys.Key) P {
	got := v.Get(k, func() Value { return P(new(T)) })
	if got == nil {
		return nil
	}
	return got.(P)
}

// Scan walks values of a known type.
func Scan[T any, P interface {
	*T
	Value
}](v View, from, to keys.Key, limit int) iter.Seq2[keys.Key, P] {
	return func(yield func(keys.Key, P) bool) {
		for k, got := range v.Scan(from, to, limit, func() Value { return P(new(T)) }) {
			if !yield(k, got.(P)) {
				return
			}
		}
	}
}

// Effects is all that follows from one record.
type Effects struct {
	// Reply is for whoever asked: a value, or a refusal.
	Reply Reply
	// Changes of single keys, sorted by key, each key once. A record that is refused has none.
	Changes []Change
	// Emit holds records for this or other streams, in order.
	Emit []Emit
}

// Reply is the outcome of a record: one of Value and Err, or neither for an answer without content. The
// value may be shared with the state and must not be changed.
type Reply struct {
	Value proto.Message
	Err   *lh.Error
}

// Change puts a value, or deletes the key if Value is nil. The value belongs to the state from then on.
type Change struct {
	Key   keys.Key
	Value Value
}

// Emit is a record for a stream. Its source, number and epoch are set when it is committed.
type Emit struct {
	// To is the stream; the zero Stream is the one that the record came from.
	To     Stream
	Record *Record
}

// Refuse is the effects of a record that is refused.
func Refuse(err *lh.Error) Effects { return Effects{Reply: Reply{Err: err}} }

// SortChanges orders changes by key.
func SortChanges(c []Change) {
	slices.SortFunc(c, func(a, b Change) int { return strings.Compare(string(a.Key), string(b.Key)) })
}
