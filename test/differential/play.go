package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
)

// play registers what the history runs, runs it and chooses commands until nothing is left to do.
func (r *recorder) play(ctx context.Context) error {
	p := plan(r.names)
	r.history.Kind, r.calm, r.plan = p.kind, p.calm, p
	for _, d := range p.definitions {
		if err := r.define(ctx, d); err != nil {
			return err
		}
	}
	if p.begin != nil {
		if err := p.begin(ctx, r); err != nil {
			return err
		}
		if err := r.settle(ctx); err != nil {
			return err
		}
	}
	var runs []*lhpb.RunWfRequest
	if p.run != nil {
		runs = p.run(r)
	}
	for _, req := range runs {
		early := never
		if r.specs[req.WfSpecName] {
			early = isCode(codes.NotFound)
		}
		if _, err := r.do(ctx, "RunWf", req, early); err != nil {
			if _, refused := status.FromError(err); !refused {
				return err
			}
		}
		if err := r.settle(ctx); err != nil {
			return err
		}
	}
	if len(r.watched.roots) == 0 {
		return ending(complete)
	}
	for range 60 {
		next := r.choose()
		if next == nil {
			break
		}
		if err := next(ctx); err != nil {
			return err
		}
		if err := r.settle(ctx); err != nil {
			return err
		}
	}
	return ending(complete)
}

// define puts or deletes a definition. What it refers to may not have arrived yet.
func (r *recorder) define(ctx context.Context, d definition) error {
	if strings.HasPrefix(d.method, "Get") || strings.HasPrefix(d.method, "Search") {
		time.Sleep(3 * metadataPause) // what was put last is found late
	}
	_, err := r.do(ctx, d.method, d.request, func(err error) bool {
		missing := strings.Contains(err.Error(), "ould not find") || strings.Contains(err.Error(), "onexistent") || strings.Contains(err.Error(), "missing workflowEventDef")
		return !d.invalid && (missing || status.Code(err) == codes.NotFound)
	})
	if _, isStatus := status.FromError(err); isStatus && err != nil && !d.invalid {
		return ending(refused + ": " + err.Error())
	} else if !isStatus {
		return err
	}
	time.Sleep(d.pause)
	return nil
}

type action func(context.Context) error

// choose picks the next command; nil when the script is over.
func (r *recorder) choose() action {
	if a := r.wish(); a != nil {
		return a
	}
	var options []action
	add := func(weight int, a action) {
		for range weight {
			options = append(options, a)
		}
	}
	scheduled, running := 0, 0
	for _, run := range r.now.Runs {
		for _, t := range run.Tasks {
			switch a := t.Attempts[len(t.Attempts)-1]; a.Status {
			case lhpb.TaskStatus_TASK_SCHEDULED:
				scheduled++
			case lhpb.TaskStatus_TASK_RUNNING:
				if r.claimed[attempt(t)] && !short(t) {
					running++
				}
			}
		}
	}
	if scheduled > 0 {
		add(8, r.claimAll)
	}
	if running > 0 {
		add(8, r.report)
	}
	for i, run := range r.now.Runs {
		for _, n := range run.Nodes {
			if n.Status != lhpb.LHStatus_RUNNING {
				continue
			}
			if n.GetExternalEvent() != nil && wish(n.NodeName).outcome != "TIMEOUT" {
				add(4, func(ctx context.Context) error { return r.event(ctx, i, n) })
			}
			if u := n.GetUserTask(); u.GetUserTaskRunId() != nil {
				add(6, func(ctx context.Context) error { return r.userTask(ctx, run, n) })
			}
		}
	}
	ended := true
	for _, run := range r.now.Runs {
		if run.WfRun == nil {
			continue
		}
		ended = ended && terminal(run.WfRun.Status)
		r.threads(run, add)
	}
	if r.plan.more != nil && !ended {
		r.plan.more(r, add)
	}
	if r.events < 30 && !r.calm && !ended && r.rng.IntN(4) == 0 {
		add(1, r.early)
	}
	if len(options) == 0 || len(r.history.Steps) > 60 {
		return nil
	}
	return options[r.rng.IntN(len(options))]
}

// threads adds what may happen to the threads of a WfRun: stop, resume, rescue, interrupt.
func (r *recorder) threads(run *run, add func(int, action)) {
	w := run.WfRun
	alive := 0
	for _, t := range w.ThreadRuns {
		if !terminal(t.Status) {
			alive++
		}
		manual := slices.ContainsFunc(t.HaltReasons, func(h *lhpb.ThreadHaltReason) bool { return h.GetManualHalt() != nil })
		if manual && !terminal(w.Status) {
			add(4, func(ctx context.Context) error { return r.resume(ctx, w.Id, t.Number) })
		}
		if t.Status == lhpb.LHStatus_ERROR && !haltedBelow(w, t) && r.rng.IntN(3) > 0 {
			add(2, func(ctx context.Context) error { return r.rescue(ctx, w.Id, t.Number, r.rng.IntN(2) == 0) })
		}
	}
	if alive == 0 || r.calm {
		return
	}
	add(1, func(ctx context.Context) error { return r.interrupt(ctx, run, r.anyThread(w)) })
	if !terminal(w.Status) && w.Id.ParentWfRunId == nil {
		add(1, func(ctx context.Context) error { return r.stop(ctx, w.Id, r.anyThread(w)) })
	}
}

// wish is the command that the name of a node asks for.
func (r *recorder) wish() action {
	for _, run := range r.now.Runs {
		if run.WfRun == nil || run.WfRun.Id.ParentWfRunId != nil {
			continue
		}
		for _, t := range run.WfRun.ThreadRuns {
			at := slices.IndexFunc(run.Nodes, func(n *lhpb.NodeRun) bool {
				return n.Id.ThreadRunNumber == t.Number && n.Id.Position == t.CurrentNodePosition
			})
			if at < 0 {
				continue
			}
			if a := r.wishOf(run, t, run.Nodes[at]); a != nil {
				return a
			}
		}
	}
	return nil
}

func (r *recorder) wishOf(run *run, t *lhpb.ThreadRun, n *lhpb.NodeRun) action {
	w := wish(n.NodeName)
	if strings.Contains(n.NodeName, "rescue-next") || strings.Contains(n.NodeName, "rescue-same") {
		if t.Status == lhpb.LHStatus_ERROR && !r.applied[nodeKey(n)] && !haltedBelow(run.WfRun, t) {
			r.applied[nodeKey(n)] = true
			return func(ctx context.Context) error {
				return r.rescue(ctx, run.WfRun.Id, t.Number, strings.Contains(n.NodeName, "rescue-next"))
			}
		}
	}
	if !r.wanted(n) {
		if w.outcome != "" && t.Status == lhpb.LHStatus_ERROR && !r.applied[nodeKey(n)] && n.GetExit() == nil && !haltedBelow(run.WfRun, t) && r.rng.IntN(8) > 0 {
			r.applied[nodeKey(n)] = true
			return func(ctx context.Context) error { return r.rescue(ctx, run.WfRun.Id, t.Number, true) }
		}
		return nil
	}
	if task := taskOf(run, n); task != nil && task.Attempts[len(task.Attempts)-1].Status == lhpb.TaskStatus_TASK_SCHEDULED {
		if w.outcome == "TIMEOUT" || r.rng.IntN(2) == 0 {
			return r.claimAll
		}
	}
	r.applied[nodeKey(n)] = true
	if w.circumstance == halted {
		return func(ctx context.Context) error { return r.stop(ctx, run.WfRun.Id, t.Number) }
	}
	return func(ctx context.Context) error { return r.interrupt(ctx, run, t.Number) }
}

func taskOf(run *run, n *lhpb.NodeRun) *lhpb.TaskRun {
	id := n.GetTask().GetTaskRunId()
	i := slices.IndexFunc(run.Tasks, func(t *lhpb.TaskRun) bool { return id != nil && proto.Equal(t.Id, id) })
	if i < 0 {
		return nil
	}
	return run.Tasks[i]
}

// haltedBelow tells whether the parent is halted: what ours rescues there waits for the parent.
func haltedBelow(w *lhpb.WfRun, t *lhpb.ThreadRun) bool {
	i := slices.IndexFunc(w.ThreadRuns, func(p *lhpb.ThreadRun) bool { return t.ParentThreadId != nil && p.Number == *t.ParentThreadId })
	return i >= 0 && (w.ThreadRuns[i].Status == lhpb.LHStatus_HALTED || w.ThreadRuns[i].Status == lhpb.LHStatus_HALTING)
}

// claimAll claims every task that waits.
func (r *recorder) claimAll(ctx context.Context) error {
	want := map[string]int{}
	for _, run := range r.now.Runs {
		for _, t := range run.Tasks {
			if t.Attempts[len(t.Attempts)-1].Status == lhpb.TaskStatus_TASK_SCHEDULED {
				want[t.TaskDefId.Name]++
				r.claimed[attempt(t)] = true
			}
		}
	}
	for _, def := range sortedKeys(want) {
		c := claims{TaskDef: def, Count: want[def]}
		got, err := claimed(ctx, r.server, r.scrub, c, r.id.Id)
		if err != nil {
			return ending(dropped)
		}
		r.history.Steps = append(r.history.Steps, step{Call: claim, Request: encode(r.scrub.value("", map[string]any{
			"taskDef": c.TaskDef, "count": c.Count,
		})), Code: codes.OK.String(), Answer: encode(got)})
	}
	return nil
}

// claimed takes tasks and gives them in the order of their texts: a server hands out what one command
// scheduled in any order.
func claimed(ctx context.Context, s *server, sc *scrubber, c claims, root string) ([]string, error) {
	tasks, err := s.claim(ctx, c, func(id *lhpb.WfRunId) bool {
		for id.ParentWfRunId != nil {
			id = id.ParentWfRunId
		}
		return id.Id == root || strings.HasPrefix(id.Id, root+"-")
	})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, t := range tasks {
		t.CreatedAt, t.Source.WfSpecId = nil, nil
		out = append(out, string(sc.message(t)))
	}
	slices.Sort(out)
	return out, nil
}

// report ends one of the claimed attempts.
func (r *recorder) report(ctx context.Context) error {
	var open []*lhpb.TaskRun
	var nodes []string
	for _, run := range r.now.Runs {
		for _, t := range run.Tasks {
			if t.Attempts[len(t.Attempts)-1].Status == lhpb.TaskStatus_TASK_RUNNING && r.claimed[attempt(t)] && !short(t) {
				open = append(open, t)
				nodes = append(nodes, nodeName(run, t))
			}
		}
	}
	i := r.rng.IntN(len(open))
	delete(r.claimed, attempt(open[i]))
	req := r.outcome(open[i], wish(nodes[i]).outcome)
	req.TaskRunId = open[i].Id
	return r.act(ctx, "ReportTask", req)
}

func nodeName(run *run, t *lhpb.TaskRun) string {
	i := slices.IndexFunc(run.Nodes, func(n *lhpb.NodeRun) bool { return proto.Equal(n.GetTask().GetTaskRunId(), t.Id) })
	if i < 0 {
		return ""
	}
	return run.Nodes[i].NodeName
}

// outcome is what the worker says, decided by the node's name or by the task and the attempt.
func (r *recorder) outcome(t *lhpb.TaskRun, want string) *lhpb.ReportTaskRun {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %d", r.names.seed, t.Id.TaskGuid, len(t.Attempts))
	n := h.Sum64()
	out := &lhpb.ReportTaskRun{AttemptNumber: int32(len(t.Attempts) - 1), Time: timestamppb.Now(), Status: lhpb.TaskStatus_TASK_SUCCESS}
	roll := n % 100
	switch want {
	case "COMPLETED":
		roll = 99
	case "EXCEPTION":
		roll = 0
	case "TASK_FAILURE":
		roll = 12
	case "VAR_MUTATION_ERROR":
		roll = []uint64{24, 28}[n/100%2]
	case "VAR_SUB_ERROR":
		roll = 99
		if len(t.InputVariables) > 0 && n%3 == 0 {
			roll = 26
		}
	}
	if t.TotalCheckpoints > 0 {
		out.TotalCheckpoints = int32(n / 100 % 3)
	}
	failure := func(s lhpb.TaskStatus, kind lhpb.LHErrorType) {
		out.Status = s
		out.Result = &lhpb.ReportTaskRun_Error{Error: &lhpb.LHTaskError{Type: kind, Message: "worker trouble"}}
	}
	switch {
	case roll < 12:
		out.Status = lhpb.TaskStatus_TASK_EXCEPTION
		e := &lhpb.LHTaskException{Name: exceptions[n/100%2], Message: "the worker says no"}
		if n/200%2 == 0 {
			e.Content = str("content")
		}
		out.Result = &lhpb.ReportTaskRun_Exception{Exception: e}
	case roll < 24:
		failure(lhpb.TaskStatus_TASK_FAILED, lhpb.LHErrorType_TASK_FAILURE)
	case roll < 26:
		failure(lhpb.TaskStatus_TASK_OUTPUT_SERDE_ERROR, lhpb.LHErrorType_VAR_MUTATION_ERROR)
	case roll < 28:
		failure(lhpb.TaskStatus_TASK_INPUT_VAR_SUB_ERROR, lhpb.LHErrorType_VAR_SUB_ERROR)
	case roll < 31:
		out.Result = &lhpb.ReportTaskRun_Output{Output: object(`{"no":"such type"}`)}
		if strings.HasSuffix(t.TaskDefId.Name, "object") {
			out.Result = &lhpb.ReportTaskRun_Output{Output: double(1.5)}
		}
	case strings.HasSuffix(t.TaskDefId.Name, "text"):
		out.Result = &lhpb.ReportTaskRun_Output{Output: str(fmt.Sprintf("t%d", n/100%4))}
	case strings.HasSuffix(t.TaskDefId.Name, "number"):
		out.Result = &lhpb.ReportTaskRun_Output{Output: integer(int64(n / 100 % 9))}
	case strings.HasSuffix(t.TaskDefId.Name, "object"):
		out.Result = &lhpb.ReportTaskRun_Output{Output: object([]string{`{"n":4,"t":"t1"}`, `{"n":"x"}`, `{"t":["a"],"n":2.7}`}[n/100%3])}
	default:
		out.Result = &lhpb.ReportTaskRun_Output{Output: &lhpb.VariableValue{}}
	}
	return out
}

// putEvent stores an event.
func (r *recorder) putEvent(ctx context.Context, run *lhpb.WfRunId, def string, content *lhpb.VariableValue, thread, position *int32) error {
	r.events++
	guid := fmt.Sprintf("event-%d", r.events)
	if r.events > 1 && def != r.names.nudge() && r.rng.IntN(40) == 0 {
		guid = "event-1" // ALREADY_EXISTS, where the definition is the same
	}
	return r.act(ctx, "PutExternalEvent", &lhpb.PutExternalEventRequest{
		WfRunId: run, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def}, Guid: &guid, Content: content,
		ThreadRunNumber: thread, NodeRunPosition: position,
	})
}

func (r *recorder) content(def string) *lhpb.VariableValue {
	switch {
	case def == r.names.eventAny():
		return []*lhpb.VariableValue{integer(5), str("t1"), object(`{"t":"t2"}`)}[r.rng.IntN(3)]
	case def == r.names.eventNumber():
		return integer(int64(r.rng.IntN(5)))
	}
	return str(fmt.Sprintf("t%d", r.rng.IntN(3)))
}

// event satisfies a node that waits: by definition only, by its thread, by thread and position, or by key.
func (r *recorder) event(ctx context.Context, run int, n *lhpb.NodeRun) error {
	e := n.GetExternalEvent()
	def := e.ExternalEventDefId.Name
	if e.CorrelationKey != nil && r.rng.IntN(3) > 0 {
		return r.correlate(ctx, def, correlationKey(r.names))
	}
	var thread, position *int32
	if r.rng.IntN(3) == 0 {
		thread = proto.Int32(n.Id.ThreadRunNumber)
		if r.rng.IntN(2) == 0 {
			position = proto.Int32(n.Id.Position + int32(r.rng.IntN(4)/3))
		}
	}
	return r.putEvent(ctx, n.Id.WfRunId, def, r.content(def), thread, position)
}

// correlate puts a CorrelatedEvent and gives its events the time to arrive.
func (r *recorder) correlate(ctx context.Context, def, key string) error {
	r.hidden = time.Now().Add(1500 * time.Millisecond)
	return r.act(ctx, "PutCorrelatedEvent", &lhpb.PutCorrelatedEventRequest{
		Key: key, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def}, Content: r.content(def),
	})
}

// early stores an event that nobody may wait for yet.
func (r *recorder) early(ctx context.Context) error {
	def := []string{r.names.eventAny(), r.names.eventText()}[r.rng.IntN(2)]
	return r.putEvent(ctx, r.id, def, r.content(def), nil, nil)
}

// interrupt interrupts one thread at a time: the numbers of handlers that start at once are the server's own
// choice.
func (r *recorder) interrupt(ctx context.Context, run *run, thread int32) error {
	def := r.names.interruptB()
	if thread == 0 || r.rng.IntN(2) == 0 && !r.calm {
		def = r.names.interruptA()
	}
	return r.putEvent(ctx, run.WfRun.Id, def, str("now"), &thread, nil)
}

func (r *recorder) anyThread(w *lhpb.WfRun) int32 {
	return int32(r.rng.IntN(int(w.GreatestThreadrunNumber) + 1))
}

func (r *recorder) stop(ctx context.Context, id *lhpb.WfRunId, thread int32) error {
	return r.act(ctx, "StopWfRun", &lhpb.StopWfRunRequest{WfRunId: id, ThreadRunNumber: thread})
}

func (r *recorder) resume(ctx context.Context, id *lhpb.WfRunId, thread int32) error {
	return r.act(ctx, "ResumeWfRun", &lhpb.ResumeWfRunRequest{WfRunId: id, ThreadRunNumber: thread})
}

// rescue rescues a thread and then stores an event that nobody waits for, because the original goes on with a
// rescued run only in the command after the rescue.
func (r *recorder) rescue(ctx context.Context, id *lhpb.WfRunId, thread int32, skip bool) error {
	req := &lhpb.RescueThreadRunRequest{WfRunId: id, ThreadRunNumber: thread, SkipCurrentNode: skip}
	if _, err := r.do(ctx, "RescueThreadRun", req, never); err != nil {
		if _, isStatus := status.FromError(err); isStatus {
			return nil
		}
		return err
	}
	if id.ParentWfRunId != nil {
		if err := r.putEvent(ctx, id.ParentWfRunId, r.names.nudge(), str("go on"), nil, nil); err != nil {
			return err
		}
	}
	return r.putEvent(ctx, id, r.names.nudge(), str("go on"), nil, nil)
}
