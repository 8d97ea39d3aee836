package engine

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// object is a message that is stored under a key.
type object[T any] interface {
	*T
	machine.Value
	CloneVT() *T
}

// row is one stored object: as the state holds it, and as the record makes it.
type row[T any, P object[T]] struct {
	key    keys.Key
	before P // shared with the state, never written; nil if absent
	now    P // nil if absent
	own    bool
	known  bool
}

// load reads an object; a row with nothing in it if the key is absent.
func load[T any, P object[T]](t *txn, k keys.Key) row[T, P] {
	found := get[T, P](t.view, k)
	return row[T, P]{key: k, before: found, now: found}
}

// edit is the object to be written to.
func (r *row[T, P]) edit(t *txn) P {
	if !r.own {
		r.now, r.own = copyOf[T](r.now), true
	}
	r.touch(t)
	return r.now
}

// put replaces the object. The row owns it from then on.
func (r *row[T, P]) put(t *txn, object P) {
	r.now, r.own = object, true
	r.touch(t)
}

// drop deletes the object.
func (r *row[T, P]) drop(t *txn) {
	r.now, r.own = nil, false
	r.touch(t)
}

func (r *row[T, P]) touch(t *txn) {
	if !r.known {
		r.known = true
		t.touched = append(t.touched, r)
	}
}

func (r *row[T, P]) states() (k keys.Key, before, after machine.Value) {
	if r.before != nil {
		before = r.before
	}
	if r.now != nil {
		after = r.now
	}
	return r.key, before, after
}

// get is machine.Get, without an allocation for what every record reads.
func get[T any, P object[T]](v machine.View, k keys.Key) P {
	empty := emptyOf(P(nil))
	if empty == nil {
		return machine.Get[T, P](v, k)
	}
	found := v.Get(k, empty)
	if found == nil {
		return nil
	}
	return found.(P)
}

func emptyOf(kind machine.Value) func() machine.Value {
	switch kind.(type) {
	case *pb.WfRunRow:
		return emptyWfRun
	case *lhpb.ThreadRun:
		return emptyThreadRun
	case *lhpb.NodeRun:
		return emptyNodeRun
	case *lhpb.TaskRun:
		return emptyTaskRun
	case *lhpb.Variable:
		return emptyVariable
	case *pb.NodeOutput:
		return emptyNodeOutput
	case *pb.Counts:
		return emptyCounts
	case *pb.TaskInputs:
		return emptyTaskInputs
	case *pb.Lent:
		return emptyLent
	default:
		return nil
	}
}

func emptyWfRun() machine.Value      { return &pb.WfRunRow{} }
func emptyThreadRun() machine.Value  { return &lhpb.ThreadRun{} }
func emptyNodeRun() machine.Value    { return &lhpb.NodeRun{} }
func emptyTaskRun() machine.Value    { return &lhpb.TaskRun{} }
func emptyVariable() machine.Value   { return &lhpb.Variable{} }
func emptyNodeOutput() machine.Value { return &pb.NodeOutput{} }
func emptyCounts() machine.Value     { return &pb.Counts{} }
func emptyTaskInputs() machine.Value { return &pb.TaskInputs{} }
func emptyLent() machine.Value       { return &pb.Lent{} }
