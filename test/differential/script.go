package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
)

// verdict is how a run ended.
type verdict struct {
	kind     string // "equal", "refused", or the reason why the comparison ended
	commands []string
	details  []string
	before   *state    // the last common state
	after    [2]*state // what the original and ours made of the last command
}

// Reasons to end a comparison that are no differences, because the reference says that ours is to differ.
const (
	equal   = "equal"
	refused = "refused by both"
	crashed = "the original answers INTERNAL"
	hangs   = "the original hangs in HALTING at a node that it cannot halt"
	dropped = "the original drops a report"
	decided = "ours decides otherwise, see docs/differences.md"
	differs = "differs"
)

// player plays the script of one run on both servers.
type player struct {
	original, ours *server
	names          names
	rng            *rand.Rand
	id             *lhpb.WfRunId
	patience       time.Duration
	now            *state // the state both servers had after the last command
	commands       []string
	events         int
	rescued        bool
	claimed        map[string]bool // guid and attempt of what was claimed and not reported
}

func (p *player) end(kind string, details ...string) *verdict {
	return &verdict{kind: kind, commands: p.commands, details: details}
}

func (p *player) say(format string, args ...any) {
	p.commands = append(p.commands, fmt.Sprintf(format, args...))
}

// both sends a command to both servers and compares the answers; a nil verdict means that all is well.
func both[T proto.Message](ctx context.Context, p *player, do func(context.Context, *server) (T, error)) *verdict {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	x, xerr := do(ctx, p.original)
	y, yerr := do(ctx, p.ours)
	if status.Code(xerr) == codes.Internal && status.Code(yerr) != codes.Internal {
		return p.end(crashed, fmt.Sprintf("original: %v", xerr), fmt.Sprintf("ours: %v", yerr))
	}
	if status.Code(xerr) != status.Code(yerr) {
		return p.end(differs, fmt.Sprintf("answer: original %v, ours %v", xerr, yerr))
	}
	if _, isRun := any(x).(*lhpb.WfRun); isRun || xerr != nil {
		return nil // settle reads the run
	}
	a := (&normal{ids: map[string]string{}}).value("", jsonValue(x))
	b := (&normal{ids: map[string]string{}}).value("", jsonValue(y))
	if d := differences("answer", a, b); d != nil {
		return p.end(differs, d...)
	}
	return nil
}

// play runs a workflow to its end, or to the first difference.
func (p *player) play(ctx context.Context) *verdict {
	for _, spec := range specs(p.names) {
		p.say("PutWfSpec %s", spec.Name)
		if v := p.put(ctx, spec); v != nil {
			return v
		}
	}
	p.say("RunWf")
	req := &lhpb.RunWfRequest{WfSpecName: p.names.spec(), Id: &p.id.Id, Variables: p.inputs()}
	v := both(ctx, p, func(ctx context.Context, s *server) (*lhpb.WfRun, error) {
		for {
			w, err := s.RunWf(ctx, req)
			if status.Code(err) != codes.NotFound || ctx.Err() != nil {
				return w, err
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	if v != nil {
		return v
	}
	for range 60 {
		if v := p.settle(ctx); v != nil {
			return v
		}
		next := p.choose()
		if next == nil {
			return p.end(equal)
		}
		if v := next(ctx); v != nil {
			return v
		}
	}
	if v := p.settle(ctx); v != nil {
		return v
	}
	return p.end(equal)
}

func (p *player) put(ctx context.Context, spec *lhpb.PutWfSpecRequest) *verdict {
	var answers []string
	v := both(ctx, p, func(ctx context.Context, s *server) (*lhpb.WfSpec, error) {
		for {
			w, err := s.PutWfSpec(ctx, spec)
			missing := status.Code(err) == codes.InvalidArgument && (strings.Contains(err.Error(), "ould not find") || strings.Contains(err.Error(), "onexistent"))
			if !missing || ctx.Err() != nil {
				if err != nil {
					answers = append(answers, err.Error())
				}
				return w, err
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	if v == nil && answers != nil {
		return p.end(refused, answers...)
	}
	return v
}

func (p *player) inputs() map[string]*lhpb.VariableValue {
	in := map[string]*lhpb.VariableValue{}
	if p.rng.IntN(2) == 0 {
		in["i"] = integer(int64(p.rng.IntN(5)))
	}
	if p.rng.IntN(4) == 0 {
		in["s"] = str("t2")
	}
	if p.rng.IntN(6) == 0 {
		in["j"] = object(`{"n":"7","t":1.5}`)
	}
	return in
}

// settle waits until both servers are at rest in the same state.
func (p *player) settle(ctx context.Context) *verdict {
	var found []string
	for deadline := time.Now().Add(p.patience); ; {
		x, err := p.original.read(ctx, p.id)
		if err != nil && status.Code(err) != codes.NotFound {
			return p.end(differs, fmt.Sprintf("reading the original: %v", err))
		}
		y, err2 := p.ours.read(ctx, p.id)
		if err2 != nil {
			return p.end(differs, fmt.Sprintf("reading ours: %v", err2))
		}
		if err == nil {
			a, err := x.normal()
			b, err2 := y.normal()
			if err := errors.Join(err, err2); err != nil {
				return p.end(differs, err.Error())
			}
			found = differences("", a, b)
			if len(found) == 0 && !x.timed() {
				p.now = x
				return nil
			}
		}
		if time.Now().After(deadline) {
			if x != nil && x.hangs() {
				return p.end(hangs)
			}
			if x != nil && x.dropped(y) {
				return p.end(dropped)
			}
			if x != nil && (decidedOtherwise(x, y) || p.rescued && onlyOf("variables", found)) {
				return p.end(decided)
			}
			if len(found) == 0 {
				found = []string{"a timer does not fire on either server"}
			}
			v := p.end(differs, found...)
			v.before, v.after = p.now, [2]*state{x, y}
			return v
		}
		time.Sleep(30 * time.Millisecond)
	}
}

// timed tells whether a short timer is under way, so that the state will change by itself.
func (s *state) timed() bool {
	for _, r := range s.Runs {
		for _, n := range r.Nodes {
			alive := n.Status == lhpb.LHStatus_RUNNING || n.Status == lhpb.LHStatus_HALTED || n.Status == lhpb.LHStatus_HALTING
			if !alive {
				continue
			}
			if sl := n.GetSleep(); sl != nil && !sl.Matured {
				return true
			}
			if e := n.GetExternalEvent(); e != nil && !e.TimedOut && e.ExternalEventId == nil && strings.HasSuffix(n.NodeName, "-short") {
				return true
			}
		}
		for _, t := range r.Tasks {
			a := t.Attempts[len(t.Attempts)-1]
			if a.Status == lhpb.TaskStatus_TASK_PENDING || a.Status == lhpb.TaskStatus_TASK_RUNNING && t.TimeoutSeconds == 1 {
				return true
			}
		}
	}
	return false
}

// hangs tells whether a thread of the original is in the state that it never leaves.
func (s *state) hangs() bool {
	for _, r := range s.Runs {
		for _, n := range r.Nodes {
			if n.Status == lhpb.LHStatus_HALTING && n.GetTask() == nil {
				return true
			}
		}
	}
	return false
}

// dropped tells whether the original has not taken a report that ours has taken: what crashes while a report
// is processed is lost there.
func (s *state) dropped(ours *state) bool {
	for i, r := range s.Runs[:min(len(s.Runs), len(ours.Runs))] {
		for j, t := range r.Tasks[:min(len(r.Tasks), len(ours.Runs[i].Tasks))] {
			if t.Status == lhpb.TaskStatus_TASK_RUNNING && ours.Runs[i].Tasks[j].Status != lhpb.TaskStatus_TASK_RUNNING {
				return true
			}
		}
	}
	return false
}

// onlyOf tells whether all differences are in one kind of objects. Variables hold the order of the steps, which
// is another one after a rescue, since the original goes on one command later.
func onlyOf(kind string, differences []string) bool {
	return !slices.ContainsFunc(differences, func(d string) bool { return !strings.Contains(strings.SplitN(d, ":", 2)[0], "]."+kind+"[") })
}

// decidedOtherwise tells whether the states show one of the situations in which ours acts differently on purpose.
func decidedOtherwise(original, ours *state) bool {
	for _, r := range ours.Runs {
		for _, t := range r.WfRun.ThreadRuns {
			var waits, lasts bool
			for _, h := range t.HaltReasons {
				waits = waits || h.GetPendingInterrupt() != nil || h.GetPendingFailure() != nil
				lasts = lasts || h.GetManualHalt() != nil || h.GetParentHalted() != nil || h.GetHaltedByParent() != nil
			}
			if waits && lasts && t.Status == lhpb.LHStatus_HALTED {
				return true // its handler waits until the thread may go on
			}
		}
	}
	return len(original.Runs) == len(ours.Runs) && waitsLonger(original, ours)
}

// waitsLonger tells whether an EXIT of ours waits for what is below a failed child.
func waitsLonger(original, ours *state) bool {
	for i, r := range ours.Runs {
		for _, n := range r.Nodes {
			if n.GetExit() == nil || n.Status != lhpb.LHStatus_RUNNING {
				continue
			}
			at := slices.IndexFunc(original.Runs[i].Nodes, func(o *lhpb.NodeRun) bool {
				return o.Id.ThreadRunNumber == n.Id.ThreadRunNumber && o.Id.Position == n.Id.Position
			})
			if at >= 0 && original.Runs[i].Nodes[at].Status == lhpb.LHStatus_ERROR {
				return true
			}
		}
	}
	return false
}

type command func(context.Context) *verdict

// choose picks the next command; nil when the script is over.
func (p *player) choose() command {
	root := p.now.Runs[0]
	var options []command
	add := func(weight int, c command) {
		for range weight {
			options = append(options, c)
		}
	}
	scheduled, running := 0, 0
	for _, r := range p.now.Runs {
		for _, t := range r.Tasks {
			switch a := t.Attempts[len(t.Attempts)-1]; a.Status {
			case lhpb.TaskStatus_TASK_SCHEDULED:
				scheduled++
			case lhpb.TaskStatus_TASK_RUNNING:
				if p.claimed[attempt(t)] {
					running++
				}
			}
		}
	}
	if scheduled > 0 {
		add(8, p.claimAll)
	}
	if running > 0 {
		add(8, p.report)
	}
	for _, n := range root.Nodes {
		if n.GetExternalEvent() != nil && n.Status == lhpb.LHStatus_RUNNING {
			add(4, func(ctx context.Context) *verdict { return p.event(ctx, n) })
		}
	}
	for _, r := range p.now.Runs[1:] {
		for _, n := range r.Nodes {
			if n.GetExternalEvent() != nil && n.Status == lhpb.LHStatus_RUNNING {
				add(4, func(ctx context.Context) *verdict { return p.childEvent(ctx, n) })
			}
		}
	}
	alive, failed, manual := 0, []int32{}, []int32{}
	for _, t := range root.WfRun.ThreadRuns {
		switch t.Status {
		case lhpb.LHStatus_ERROR:
			if !haltedBelow(root.WfRun, t) {
				failed = append(failed, t.Number)
			}
		case lhpb.LHStatus_COMPLETED, lhpb.LHStatus_EXCEPTION:
		default:
			alive++
		}
		for _, r := range t.HaltReasons {
			if r.GetManualHalt() != nil {
				manual = append(manual, t.Number)
			}
		}
	}
	if len(manual) > 0 && !terminal(root.WfRun.Status) {
		add(3, func(ctx context.Context) *verdict { return p.resume(ctx, manual[p.rng.IntN(len(manual))]) })
	}
	if len(failed) > 0 && p.rng.IntN(3) > 0 {
		add(2, func(ctx context.Context) *verdict { return p.rescue(ctx, failed[p.rng.IntN(len(failed))]) })
	}
	if terminal(root.WfRun.Status) && len(options) == 0 {
		return nil
	}
	if alive > 0 {
		add(1, p.interrupt)
		if !terminal(root.WfRun.Status) {
			add(1, p.stop)
		}
		if p.rng.IntN(4) == 0 {
			add(1, p.early)
		}
	}
	if len(options) == 0 || len(p.commands) > 45 {
		return nil
	}
	return options[p.rng.IntN(len(options))]
}

// haltedBelow tells whether the parent is halted: what ours rescues there waits for the parent.
func haltedBelow(w *lhpb.WfRun, t *lhpb.ThreadRun) bool {
	i := slices.IndexFunc(w.ThreadRuns, func(p *lhpb.ThreadRun) bool { return t.ParentThreadId != nil && p.Number == *t.ParentThreadId })
	return i >= 0 && (w.ThreadRuns[i].Status == lhpb.LHStatus_HALTED || w.ThreadRuns[i].Status == lhpb.LHStatus_HALTING)
}

func terminal(s lhpb.LHStatus) bool {
	return s == lhpb.LHStatus_COMPLETED || s == lhpb.LHStatus_ERROR || s == lhpb.LHStatus_EXCEPTION
}

func attempt(t *lhpb.TaskRun) string {
	return fmt.Sprintf("%s %s %d", rootOrChild(t.Id.WfRunId), t.Id.TaskGuid, len(t.Attempts)-1)
}

// rootOrChild hides the generated id of a child WfRun: the servers give different ones.
func rootOrChild(id *lhpb.WfRunId) string {
	if id.ParentWfRunId != nil {
		return "child"
	}
	return "root"
}

// claimAll claims every task that waits.
func (p *player) claimAll(ctx context.Context) *verdict {
	want := map[string]int{}
	for _, r := range p.now.Runs {
		for _, t := range r.Tasks {
			if t.Attempts[len(t.Attempts)-1].Status == lhpb.TaskStatus_TASK_SCHEDULED {
				want[t.TaskDefId.Name]++
				p.claimed[attempt(t)] = true
			}
		}
	}
	for _, def := range sortedKeys(want) {
		p.say("claim %d of %s", want[def], def)
		var got [2][]string
		for i, s := range []*server{p.original, p.ours} {
			tasks, err := s.claim(ctx, def, want[def], p.mine)
			if err != nil {
				return p.end(differs, fmt.Sprintf("claim on server %d (0 original, 1 ours): %v", i, err))
			}
			for _, t := range tasks {
				t.CreatedAt, t.Source.WfSpecId = nil, nil
				got[i] = append(got[i], fmt.Sprintf("%s %s %d %s", rootOrChild(t.TaskRunId.WfRunId), t.TaskRunId.TaskGuid, t.AttemptNumber, show(jsonValue(&lhpb.ScheduledTask{Variables: t.Variables}))))
			}
		}
		// The original hands out what one command scheduled in any order.
		slices.Sort(got[0])
		slices.Sort(got[1])
		if !slices.Equal(got[0], got[1]) {
			return p.end(differs, fmt.Sprintf("claimed: original %v, ours %v", got[0], got[1]))
		}
	}
	return nil
}

func (p *player) mine(id *lhpb.WfRunId) bool {
	for id.ParentWfRunId != nil {
		id = id.ParentWfRunId
	}
	return id.Id == p.id.Id
}

// report ends one of the claimed attempts.
func (p *player) report(ctx context.Context) *verdict {
	type claimed struct {
		run  int
		task *lhpb.TaskRun
	}
	var open []claimed
	for i, r := range p.now.Runs {
		for _, t := range r.Tasks {
			if t.Attempts[len(t.Attempts)-1].Status == lhpb.TaskStatus_TASK_RUNNING && p.claimed[attempt(t)] && t.TimeoutSeconds > 1 {
				open = append(open, claimed{i, t})
			}
		}
	}
	c := open[p.rng.IntN(len(open))]
	delete(p.claimed, attempt(c.task))
	base := p.outcome(c.task)
	p.say("report %d %s attempt %d %s", c.run, c.task.Id.TaskGuid, base.AttemptNumber, base.Status)
	base.TaskRunId = c.task.Id
	mine := proto.Clone(base).(*lhpb.ReportTaskRun)
	x, err := p.ours.read(ctx, p.id)
	if err != nil {
		return p.end(differs, err.Error())
	}
	mine.TaskRunId.WfRunId = x.Runs[c.run].WfRun.Id
	_, xerr := p.original.ReportTask(ctx, base)
	_, yerr := p.ours.ReportTask(ctx, mine)
	if status.Code(xerr) != status.Code(yerr) {
		return p.end(differs, fmt.Sprintf("report: original %v, ours %v", xerr, yerr))
	}
	return nil
}

// outcome is what the worker says, decided by the task and the attempt.
func (p *player) outcome(t *lhpb.TaskRun) *lhpb.ReportTaskRun {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s", p.names.seed, attempt(t))
	n := h.Sum64()
	r := &lhpb.ReportTaskRun{AttemptNumber: int32(len(t.Attempts) - 1), Time: timestamppb.Now(), Status: lhpb.TaskStatus_TASK_SUCCESS}
	failure := func(s lhpb.TaskStatus, kind lhpb.LHErrorType) {
		r.Status = s
		r.Result = &lhpb.ReportTaskRun_Error{Error: &lhpb.LHTaskError{Type: kind, Message: "worker trouble"}}
	}
	switch roll := n % 100; {
	case roll < 12:
		r.Status = lhpb.TaskStatus_TASK_EXCEPTION
		e := &lhpb.LHTaskException{Name: exceptions[n/100%2], Message: "the worker says no"}
		if n/200%2 == 0 {
			e.Content = str("content")
		}
		r.Result = &lhpb.ReportTaskRun_Exception{Exception: e}
	case roll < 24:
		failure(lhpb.TaskStatus_TASK_FAILED, lhpb.LHErrorType_TASK_FAILURE)
	case roll < 26:
		failure(lhpb.TaskStatus_TASK_OUTPUT_SERDE_ERROR, lhpb.LHErrorType_VAR_MUTATION_ERROR)
	case roll < 28:
		failure(lhpb.TaskStatus_TASK_INPUT_VAR_SUB_ERROR, lhpb.LHErrorType_VAR_SUB_ERROR)
	case roll < 31:
		r.Result = &lhpb.ReportTaskRun_Output{Output: double(1.5)}
	case strings.HasSuffix(t.TaskDefId.Name, "text"):
		r.Result = &lhpb.ReportTaskRun_Output{Output: str(fmt.Sprintf("t%d", n/100%4))}
	case strings.HasSuffix(t.TaskDefId.Name, "number"):
		r.Result = &lhpb.ReportTaskRun_Output{Output: integer(int64(n / 100 % 9))}
	case strings.HasSuffix(t.TaskDefId.Name, "object"):
		r.Result = &lhpb.ReportTaskRun_Output{Output: object([]string{`{"n":4,"t":"t1"}`, `{"n":"x"}`, `{"t":["a"],"n":2.7}`}[n/100%3])}
	default:
		r.Result = &lhpb.ReportTaskRun_Output{Output: &lhpb.VariableValue{}}
	}
	return r
}

// put stores an event on both servers.
func (p *player) putEvent(ctx context.Context, def string, content *lhpb.VariableValue, thread, position *int32) *verdict {
	p.events++
	guid := fmt.Sprintf("event-%d", p.events)
	p.say("event %s %s %v thread %s position %s", guid, def, content, show(thread), show(position))
	return both(ctx, p, func(ctx context.Context, s *server) (*lhpb.ExternalEvent, error) {
		return s.PutExternalEvent(ctx, &lhpb.PutExternalEventRequest{
			WfRunId: p.id, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def}, Guid: &guid, Content: content,
			ThreadRunNumber: thread, NodeRunPosition: position,
		})
	})
}

func (p *player) content(def string) *lhpb.VariableValue {
	if def == eventAny {
		return []*lhpb.VariableValue{integer(5), str("t1"), object(`{"t":"t2"}`)}[p.rng.IntN(3)]
	}
	return str(fmt.Sprintf("t%d", p.rng.IntN(3)))
}

// event satisfies a node that waits: by definition only, by its thread, or by thread and position.
func (p *player) event(ctx context.Context, n *lhpb.NodeRun) *verdict {
	def := n.GetExternalEvent().ExternalEventDefId.Name
	var thread, position *int32
	if p.rng.IntN(3) == 0 {
		thread = proto.Int32(n.Id.ThreadRunNumber)
		if p.rng.IntN(2) == 0 {
			position = proto.Int32(n.Id.Position + int32(p.rng.IntN(4)/3))
		}
	}
	return p.putEvent(ctx, def, p.content(def), thread, position)
}

func (p *player) childEvent(ctx context.Context, n *lhpb.NodeRun) *verdict {
	def := n.GetExternalEvent().ExternalEventDefId.Name
	i := slices.IndexFunc(p.now.Runs, func(r *run) bool { return proto.Equal(r.WfRun.Id, n.Id.WfRunId) })
	theirs, err := p.ours.read(ctx, p.id)
	if err != nil {
		return p.end(differs, err.Error())
	}
	p.events++
	guid := fmt.Sprintf("event-%d", p.events)
	content := p.content(def)
	p.say("event %s %s %v for child %d", guid, def, content, i)
	return both(ctx, p, func(ctx context.Context, s *server) (*lhpb.ExternalEvent, error) {
		id := n.Id.WfRunId
		if s == p.ours {
			id = theirs.Runs[i].WfRun.Id
		}
		return s.PutExternalEvent(ctx, &lhpb.PutExternalEventRequest{
			WfRunId: id, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def}, Guid: &guid, Content: content,
		})
	})
}

// early stores an event that nobody may wait for yet.
func (p *player) early(ctx context.Context) *verdict {
	def := []string{eventAny, eventText}[p.rng.IntN(2)]
	return p.putEvent(ctx, def, p.content(def), nil, nil)
}

func (p *player) interrupt(ctx context.Context) *verdict {
	// One thread at a time: the numbers of handlers that start at once are the server's own choice.
	def, thread := interruptA, p.anyThread()
	if p.rng.IntN(2) == 0 {
		def = interruptB
	}
	return p.putEvent(ctx, def, str("now"), &thread, nil)
}

func (p *player) anyThread() int32 {
	return int32(p.rng.IntN(int(p.now.Runs[0].WfRun.GreatestThreadrunNumber) + 1))
}

func (p *player) stop(ctx context.Context) *verdict {
	thread := p.anyThread()
	p.say("stop %d", thread)
	return both(ctx, p, func(ctx context.Context, s *server) (proto.Message, error) {
		return s.StopWfRun(ctx, &lhpb.StopWfRunRequest{WfRunId: p.id, ThreadRunNumber: thread})
	})
}

func (p *player) resume(ctx context.Context, thread int32) *verdict {
	p.say("resume %d", thread)
	return both(ctx, p, func(ctx context.Context, s *server) (proto.Message, error) {
		return s.ResumeWfRun(ctx, &lhpb.ResumeWfRunRequest{WfRunId: p.id, ThreadRunNumber: thread})
	})
}

// rescue rescues a thread and then stores an event that nobody waits for, because the original goes on with a
// rescued run only in the command after the rescue.
func (p *player) rescue(ctx context.Context, thread int32) *verdict {
	skip := p.rng.IntN(2) == 0
	p.say("rescue %d skip %v", thread, skip)
	p.rescued = true
	v := both(ctx, p, func(ctx context.Context, s *server) (proto.Message, error) {
		_, err := s.RescueThreadRun(ctx, &lhpb.RescueThreadRunRequest{WfRunId: p.id, ThreadRunNumber: thread, SkipCurrentNode: skip})
		return &lhpb.WfRunId{}, err
	})
	if v != nil {
		return v
	}
	return p.putEvent(ctx, nudge, str("go on"), nil, nil)
}
