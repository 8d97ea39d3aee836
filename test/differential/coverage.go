package main

import (
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"

	"littlehorse/lhpb"
)

// The circumstances of a NodeRun.
const (
	plain       = "plain"
	halted      = "halted"      // its thread was stopped, or halted by its parent, while it ran
	interrupted = "interrupted" // its thread was interrupted while it ran
	handled     = "handled"     // it failed, and a handler put that right
	rescued     = "rescued"     // it was activated by RescueThreadRun
)

var circumstances = []string{plain, halted, interrupted, handled, rescued}

// cell is what the generator wants to see: a node of a kind that ends in a way under a circumstance.
type cell struct{ kind, outcome, circumstance string }

func (c cell) String() string { return c.kind + " " + c.outcome + " " + c.circumstance }

// wish reads the cell from the name of a node that was made for one: number-KIND~OUTCOME~circumstance.
func wish(node string) cell {
	p := strings.Split(node, "~")
	if len(p) < 3 {
		return cell{}
	}
	_, kind, _ := strings.Cut(p[0], "-")
	return cell{kind, p[1], p[2]}
}

// observer sees the states of one history and notes in which cells its NodeRuns end.
type observer struct {
	cells   map[string]int
	touched map[string]string // circumstance of NodeRuns that have not ended
	rescues map[string]bool   // WfRun and thread that the last command rescued
	seen    map[string]bool
	working map[string]bool // NodeRuns that had not ended in the state before
	ended   map[string]bool
}

func newObserver() *observer {
	return &observer{cells: map[string]int{}, touched: map[string]string{}, rescues: map[string]bool{}, seen: map[string]bool{}, working: map[string]bool{}, ended: map[string]bool{}}
}

// count notes the cells of the history, by its recorded states.
func (h *history) count() error {
	o := newObserver()
	for _, s := range h.Steps {
		var rescue lhpb.RescueThreadRunRequest
		if s.Call == "RescueThreadRun" && s.Code == codes.OK.String() {
			if err := protojson.Unmarshal(s.Request, &rescue); err != nil {
				return err
			}
			o.rescue(rescue.WfRunId, rescue.ThreadRunNumber)
		}
		if s.State == nil {
			continue
		}
		x, err := decode(s.State)
		if err != nil {
			return err
		}
		o.see(x)
	}
	h.Cells = o.cells
	return nil
}

func (o *observer) rescue(id *lhpb.WfRunId, thread int32) {
	o.rescues[fmt.Sprintf("%s %d", id.Id, thread)] = true
}

func (o *observer) see(s *state) {
	for _, r := range s.Runs {
		if r.WfRun == nil {
			continue
		}
		o.halts(r)
		for _, n := range r.Nodes {
			o.node(r, n)
		}
	}
	clear(o.rescues)
}

// halts notes which current NodeRuns are halted, and why.
func (o *observer) halts(r *run) {
	for _, t := range r.WfRun.ThreadRuns {
		key := fmt.Sprintf("%s %d %d", r.WfRun.Id.Id, t.Number, t.CurrentNodePosition)
		for _, h := range t.HaltReasons {
			switch {
			case h.GetManualHalt() != nil || h.GetParentHalted() != nil || h.GetHaltedByParent() != nil:
				if o.touched[key] == "" {
					o.touched[key] = halted
				}
			case h.GetInterrupted() != nil || h.GetPendingInterrupt() != nil:
				o.touched[key] = interrupted
			}
		}
	}
}

func (o *observer) node(r *run, n *lhpb.NodeRun) {
	key := nodeKey(n)
	first := !o.seen[key]
	o.seen[key] = true
	thread := fmt.Sprintf("%s %d", n.Id.WfRunId.Id, n.Id.ThreadRunNumber)
	if first && o.rescues[thread] {
		// The first new NodeRun of a rescued thread is the one that the rescue activated.
		delete(o.rescues, thread)
		o.touched[key] = rescued
	}
	stood := o.working[key] || working(n.Status)
	o.working[key] = working(n.Status)
	// An interrupt that began and ended between two states leaves its handler as a trace.
	for _, t := range r.WfRun.ThreadRuns {
		if t.Type == lhpb.ThreadType_INTERRUPT && t.GetParentThreadId() == n.Id.ThreadRunNumber && !o.seen[fmt.Sprint(thread, " handler ", t.Number)] && stood {
			o.seen[fmt.Sprint(thread, " handler ", t.Number)] = true
			o.touched[key] = interrupted
		}
	}
	outcome := outcomeOf(n)
	if outcome == "" {
		return
	}
	circumstance := o.touched[key]
	if circumstance == "" {
		circumstance = plain
	}
	if f := n.Failures; len(f) > 0 {
		if !f[len(f)-1].WasProperlyHandled && f[len(f)-1].FailureHandlerThreadrunId != nil && !threadFailed(r, n.Id.ThreadRunNumber) {
			return // its handler still runs
		}
		if f[len(f)-1].WasProperlyHandled && len(n.FailureHandlerIds) > 0 {
			circumstance = handled
		}
	}
	if o.ended[key+circumstance] {
		return
	}
	o.ended[key+circumstance] = true
	o.cells[cell{kindOf(n), outcome, circumstance}.String()]++
}

func threadFailed(r *run, number int32) bool {
	for _, t := range r.WfRun.ThreadRuns {
		if t.Number == number {
			return terminal(t.Status)
		}
	}
	return false
}

func outcomeOf(n *lhpb.NodeRun) string {
	if f := n.Failures; len(f) > 0 {
		if _, technical := lhpb.LHErrorType_value[f[len(f)-1].FailureName]; technical {
			return f[len(f)-1].FailureName
		}
		return "EXCEPTION"
	}
	if n.Status == lhpb.LHStatus_COMPLETED {
		return "COMPLETED"
	}
	return ""
}

// kindOf is the node's kind in the words of the WfSpec. A NOP looks like an ENTRYPOINT.
func kindOf(n *lhpb.NodeRun) string {
	m := n.ProtoReflect()
	f := m.WhichOneof(m.Descriptor().Oneofs().ByName("node_type"))
	if f == nil {
		return "NONE"
	}
	kind := strings.ToUpper(string(f.Name()))
	if kind == "ENTRYPOINT" && !strings.Contains(n.NodeName, "ENTRYPOINT") {
		return "NOP"
	}
	return kind
}
