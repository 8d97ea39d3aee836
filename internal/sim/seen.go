package sim

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// see counts what the record drives, and what comes of it.
func (w *world) see(r *pb.Record, changes []machine.Change) {
	w.count("command", choice(r, "command"))
	if t, err := keys.ParseTimer(keys.Key(r.GetTimerFired().GetKey())); err == nil {
		w.count("timer", fmt.Sprint(t.Kind))
	}
	for _, c := range changes {
		switch v := c.Value.(type) {
		case *lhpb.NodeRun:
			w.count("node", choice(v, "node_type"))
			for _, f := range v.Failures {
				w.count("failure", f.FailureName)
			}
		case *lhpb.ThreadRun:
			for _, h := range v.HaltReasons {
				w.count("halt", choice(h, "reason"))
			}
		case *lhpb.TaskRun:
			for _, a := range v.Attempts {
				w.count("attempt", a.Status.String())
			}
		}
	}
}

func (w *world) count(what, name string) { w.seen[what+" "+name]++ }

// choice is which field of the oneof is set.
func choice(m protoreflect.ProtoMessage, oneof protoreflect.Name) string {
	r := m.ProtoReflect()
	field := r.WhichOneof(r.Descriptor().Oneofs().ByName(oneof))
	if field == nil {
		return "none"
	}
	return string(field.Name())
}
