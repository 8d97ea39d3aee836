package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// Reasons why a history ends before its script does. The step that met one is not part of the history.
const (
	complete = "complete"
	refused  = "refused"                                                     // no WfSpec, so nothing to run
	crashed  = "the original answers INTERNAL"                               // the reference: the command is dropped whole
	hangs    = "the original hangs in HALTING at a node that it cannot halt" // engine-2 §6
	dropped  = "the original drops a report"                                 // a crash while a report is processed
	restless = "the original does not come to rest"
	unread   = "the original cannot be read"
)

// ending ends a history.
type ending string

func (e ending) Error() string { return string(e) }

// recorder plays one history on the original. The next command depends on the seed and on the state at rest.
type recorder struct {
	server  *server
	names   names
	rng     *rand.Rand
	scrub   *scrubber
	history *history
	watched watched
	id      *lhpb.WfRunId
	now     *state
	hidden  time.Time // until then a timer may fire that the state does not show
	events  int
	claimed map[string]bool // attempts that were claimed and not reported
	applied map[string]bool // NodeRuns that were halted or interrupted as their names want it
	specs   map[string]bool // WfSpecs that were put
	armed   map[string]int  // epochs of user tasks whose timers have been waited for
	plan    historyPlan
	calm    bool // nothing happens that the names of the nodes do not want
}

func newRecorder(s *server, n names, seed uint64) *recorder {
	n.seed = seed
	return &recorder{
		server: s, names: n, rng: rand.New(rand.NewPCG(seed, 100)), scrub: newScrubber(n.prefix),
		history: &history{Seed: seed}, id: &lhpb.WfRunId{Id: fmt.Sprintf("%s-run-%d", n.prefix, seed)},
		claimed: map[string]bool{}, applied: map[string]bool{}, armed: map[string]int{}, specs: map[string]bool{},
	}
}

// record plays the history of a seed.
func (r *recorder) record(ctx context.Context) (*history, error) {
	err := r.play(ctx)
	var e ending
	if !errors.As(err, &e) {
		return nil, err
	}
	r.history.End = string(e)
	return r.history, nil
}

// do sends an RPC and writes down the answer.
func (r *recorder) do(ctx context.Context, method string, req proto.Message, early func(error) bool) (proto.Message, error) {
	text := r.scrub.message(req)
	answer, err := r.server.settled(ctx, method, req, early)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	code := status.Code(err)
	if refusedOnly(code) && putsDefinition(method) {
		return answer, err // the reference: a definition that makes the original crash is refused by ours
	}
	if code == codes.Internal || code == codes.Unknown || code == codes.DeadlineExceeded || code == codes.Unavailable {
		return nil, ending(crashed)
	}
	s := step{Call: method, Request: text, Code: code.String()}
	if put, ok := req.(*lhpb.PutWfSpecRequest); ok && err == nil {
		r.specs[put.Name] = true
	}
	if err == nil {
		s.Answer = comparable(r.scrub, answer)
		r.watched.note(req)
	}
	r.history.Steps = append(r.history.Steps, s)
	return answer, err
}

// comparable is the answer as far as it is a fact of its own: what the state shows is compared there.
func comparable(s *scrubber, answer proto.Message) json.RawMessage {
	switch answer.(type) {
	case *lhpb.WfRun, *lhpb.ScheduledTask:
		return nil
	}
	return s.message(answer)
}

// act sends an RPC whose refusal is as good as its success.
func (r *recorder) act(ctx context.Context, method string, req proto.Message) error {
	_, err := r.do(ctx, method, req, never)
	if _, refused := status.FromError(err); refused {
		return nil
	}
	return err
}

// settle waits until the original is at rest and writes down its state.
func (r *recorder) settle(ctx context.Context) error {
	begin := time.Now()
	var last []byte
	for {
		x, err := r.server.read(ctx, r.watched)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			time.Sleep(50 * time.Millisecond)
			if time.Since(begin) > 5*time.Second {
				r.history.Steps = r.history.Steps[:len(r.history.Steps)-1]
				return ending(unread + ": " + status.Code(err).String())
			}
			continue
		}
		r.arm(x)
		text := encode(x.json())
		if r.plan.fades && fading(x) {
			r.hidden = time.Now().Add(100 * time.Millisecond)
		}
		rest := bytes.Equal(text, last) && time.Since(begin) > 100*time.Millisecond
		last = text
		if rest && !x.midway() && !x.torn() && !r.timed(x) && time.Now().After(r.hidden) && !r.reporting(x) {
			if x.hangs() {
				r.history.Steps = r.history.Steps[:len(r.history.Steps)-1]
				return ending(hangs)
			}
			s := &r.history.Steps[len(r.history.Steps)-1]
			s.State = encode(r.scrub.value("", x.json()))
			if !r.hidden.IsZero() && r.hidden.After(begin) {
				s.Wait = int(r.hidden.Sub(begin).Milliseconds())
			}
			r.now = x
			return nil
		}
		if time.Since(begin) > 9*time.Second {
			r.history.Steps = r.history.Steps[:len(r.history.Steps)-1]
			switch {
			case x.hangs():
				return ending(hangs)
			case r.reporting(x):
				return ending(dropped)
			}
			return ending(restless)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// torn tells whether a thread is not shown at its last NodeRun, or a NodeRun without its thread: one of both is
// not visible yet.
func (s *state) torn() bool {
	for _, r := range s.Runs {
		if r.WfRun == nil {
			continue
		}
		nodes := map[int32]int32{}
		for _, n := range r.Nodes {
			nodes[n.Id.ThreadRunNumber]++
			if n.Id.ThreadRunNumber > r.WfRun.GreatestThreadrunNumber {
				return true
			}
		}
		for _, t := range r.WfRun.ThreadRuns {
			if nodes[t.Number] != t.CurrentNodePosition+1 {
				return true
			}
		}
	}
	return false
}

// midway tells whether a thread is shown at a node that ends at once: the objects of one command become
// visible one by one.
func (s *state) midway() bool {
	for _, r := range s.Runs {
		if r.WfRun == nil || terminal(r.WfRun.Status) {
			continue
		}
		for _, t := range r.WfRun.ThreadRuns {
			for _, n := range r.Nodes {
				if t.Status != lhpb.LHStatus_RUNNING || n.Id.ThreadRunNumber != t.Number || n.Id.Position != t.CurrentNodePosition {
					continue
				}
				switch kindOf(n) {
				case "ENTRYPOINT", "NOP", "START_THREAD", "START_MULTIPLE_THREADS", "THROW_EVENT", "RUN_CHILD_WF":
					return n.Status != lhpb.LHStatus_ERROR
				}
			}
		}
	}
	return false
}

// fading tells whether a WfRun has ended that its retention will delete.
func fading(s *state) bool {
	for _, r := range s.Runs {
		if r.WfRun != nil && terminal(r.WfRun.Status) {
			return true
		}
	}
	return false
}

// reporting tells whether a report has been sent that the state does not show: it is acknowledged before it
// is applied.
func (r *recorder) reporting(x *state) bool {
	s := r.history.Steps[len(r.history.Steps)-1]
	if s.Call != "ReportTask" || s.Code != codes.OK.String() {
		return false
	}
	for _, run := range x.Runs {
		for _, t := range run.Tasks {
			a := t.Attempts[len(t.Attempts)-1]
			if a.Status == lhpb.TaskStatus_TASK_RUNNING && !r.claimed[attempt(t)] && !short(t) {
				return true
			}
		}
	}
	return false
}

func short(t *lhpb.TaskRun) bool { return t.TimeoutSeconds < 10 }

// timed tells whether a short timer is under way, so that the state will change by itself.
func (r *recorder) timed(s *state) bool {
	for _, run := range s.Runs {
		for _, n := range run.Nodes {
			if !working(n.Status) || r.wanted(n) {
				continue
			}
			if sl := n.GetSleep(); sl != nil && !sl.Matured && time.Until(sl.MaturationTime.AsTime()) < time.Hour/2 {
				return true
			}
			if e := n.GetExternalEvent(); e != nil && !e.TimedOut && e.ExternalEventId == nil && strings.Contains(n.NodeName, "short") {
				return true
			}
		}
		for _, t := range run.Tasks {
			a := t.Attempts[len(t.Attempts)-1]
			if a.Status == lhpb.TaskStatus_TASK_PENDING || a.Status == lhpb.TaskStatus_TASK_RUNNING && short(t) && !r.wantedTask(run, t) {
				return true
			}
		}
		for _, e := range run.Events {
			// A CorrelatedEvent comes to its node a moment later.
			if e.NodeRunPosition != nil && !e.Claimed && strings.HasPrefix(e.Id.ExternalEventDefId.Name, r.names.prefix+"-key") && r.waits(run, e) {
				return true
			}
		}
	}
	return false
}

func (r *recorder) waits(run *run, e *lhpb.ExternalEvent) bool {
	return slices.ContainsFunc(run.Nodes, func(n *lhpb.NodeRun) bool {
		return n.Status == lhpb.LHStatus_RUNNING && n.Id.ThreadRunNumber == e.GetThreadRunNumber() && n.Id.Position == e.GetNodeRunPosition()
	})
}

func working(s lhpb.LHStatus) bool {
	return s == lhpb.LHStatus_RUNNING || s == lhpb.LHStatus_HALTED || s == lhpb.LHStatus_HALTING
}

func terminal(s lhpb.LHStatus) bool {
	return s == lhpb.LHStatus_COMPLETED || s == lhpb.LHStatus_ERROR || s == lhpb.LHStatus_EXCEPTION
}

// hangs tells whether a thread of the original is in the state that it never leaves.
func (s *state) hangs() bool {
	for _, r := range s.Runs {
		for _, n := range r.Nodes {
			if n.Status == lhpb.LHStatus_HALTING && n.GetTask() == nil && !crashedOf(r) {
				return true
			}
		}
	}
	return false
}

// crashedOf tells whether the run ended by INTERNAL_ERROR, which leaves its node HALTING for good.
func crashedOf(r *run) bool {
	return r.WfRun != nil && terminal(r.WfRun.Status) && len(r.WfRun.ThreadRuns) == 1
}

func attempt(t *lhpb.TaskRun) string {
	return fmt.Sprintf("%s %s %s %d", t.Id.WfRunId.GetParentWfRunId().GetId(), t.Id.WfRunId.Id, t.Id.TaskGuid, len(t.Attempts)-1)
}

func nodeKey(n *lhpb.NodeRun) string {
	return fmt.Sprintf("%s %d %d", n.Id.WfRunId.Id, n.Id.ThreadRunNumber, n.Id.Position)
}

// wanted tells whether something is still to happen to a NodeRun before its timer fires.
func (r *recorder) wanted(n *lhpb.NodeRun) bool {
	c := wish(n.NodeName).circumstance
	return n.Status == lhpb.LHStatus_RUNNING && (c == halted || c == interrupted) && !r.applied[nodeKey(n)]
}

func (r *recorder) wantedTask(run *run, t *lhpb.TaskRun) bool {
	id := t.Source.GetTaskNode().GetNodeRunId()
	return id != nil && slices.ContainsFunc(run.Nodes, func(n *lhpb.NodeRun) bool { return proto.Equal(n.Id, id) && r.wanted(n) })
}
