package sim

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// Fault is a bug that can be planted, to see that the judges find it.
type Fault string

// The faults.
const (
	NoFault Fault = ""
	// ReplyBeforeSync makes every sync a lie: what is acknowledged may be lost.
	ReplyBeforeSync Fault = "reply before sync"
	// DoubleDelivery lets a claim leave the attempt in the queue and as it was.
	DoubleDelivery Fault = "double delivery"
	// LostTimer forgets one timer in a few.
	LostTimer Fault = "lost timer"
	// LostWatch forgets one in a few of the rows by which ThreadRuns learn of what they wait for.
	LostWatch Fault = "lost watch"
	// StaleIndex keeps index rows that should go.
	StaleIndex Fault = "stale index"
	// Restless lets a result depend on something that is not in the record.
	Restless Fault = "not deterministic"
)

// Faults are all that can be planted.
var Faults = []Fault{ReplyBeforeSync, DoubleDelivery, LostTimer, LostWatch, StaleIndex, Restless}

// faulty is a machine with a bug in it.
type faulty struct {
	machine.Machine
	fault Fault
	calls int
}

// Apply implements machine.Machine.
func (f *faulty) Apply(v machine.View, r *pb.Record) machine.Effects {
	e := f.Machine.Apply(v, r)
	f.calls++
	switch f.fault {
	case DoubleDelivery:
		if r.GetClaimTask() != nil {
			e.Changes = nil
		}
	case LostTimer:
		e.Changes = slices.DeleteFunc(e.Changes, func(c machine.Change) bool {
			return c.Key.Space() == keys.SpaceTimer && c.Value != nil && f.calls%3 == 0
		})
	case LostWatch:
		e.Changes = slices.DeleteFunc(e.Changes, func(c machine.Change) bool {
			row, err := keys.ParseRun(c.Key)
			return err == nil && row.Kind == keys.KindWatch && c.Value != nil && f.calls%3 == 0
		})
	case StaleIndex:
		e.Changes = slices.DeleteFunc(e.Changes, func(c machine.Change) bool {
			return c.Key.Space() == keys.SpaceTag && c.Value == nil
		})
	case Restless:
		f.shift(e.Changes)
	}
	return e
}

// losing loses some of the records that go on with the work of others, as a server does that cannot read its state for
// a moment. What they were for must be done all the same. The record itself decides.
type losing struct{ machine.Machine }

// Apply implements machine.Machine.
func (l losing) Apply(v machine.View, r *pb.Record) machine.Effects {
	if id := r.GetHeader().GetRequestId(); r.GetContinue() != nil && len(id) > 0 && id[len(id)-1]%8 == 0 {
		return machine.Refuse(lh.Errorf(lh.Unavailable, "the state cannot be read: try again"))
	}
	return l.Machine.Apply(v, r)
}

// Foresee implements machine.Foreseer.
func (l losing) Foresee(v machine.View, r *pb.Record) { foresee(l.Machine, v, r) }

// foresee is for machines around others.
func foresee(m machine.Machine, v machine.View, r *pb.Record) {
	if f, ok := m.(machine.Foreseer); ok {
		f.Foresee(v, r)
	}
}

// shift changes a time by how often the machine was called.
func (f *faulty) shift(changes []machine.Change) {
	for i, c := range changes {
		if n, ok := c.Value.(*lhpb.NodeRun); ok && n.ArrivalTime != nil {
			n = n.CloneVT()
			n.ArrivalTime.Nanos = int32(f.calls)
			changes[i].Value = n
		}
	}
}

// Violation is what a judge has found.
type Violation struct {
	Judge string
	What  string
}

func (v Violation) String() string { return v.Judge + ": " + v.What }

// attemptName names an attempt of a task across restarts. WfRuns of the same id do not live at the same time.
func attemptName(t *lhpb.ScheduledTask) string {
	id := t.GetTaskRunId()
	var parts []string
	for w := id.GetWfRunId(); w != nil; w = w.ParentWfRunId {
		parts = append(parts, w.Id)
	}
	slices.Reverse(parts)
	return fmt.Sprintf("%s/%s attempt %d of %d", strings.Join(parts, "_"), id.GetTaskGuid(), t.GetAttemptNumber(), t.GetCreatedAt().AsTime().UnixNano())
}

func clone[M proto.Message](m M) M { return proto.Clone(m).(M) }
