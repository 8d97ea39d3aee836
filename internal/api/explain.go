package api

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// Bounds of what one explanation looks at.
const (
	// explainedRows bounds the ThreadRuns that are passed over for one page.
	explainedRows = 1000
	// explainedTimers bounds the timers of a partition that are looked through.
	explainedTimers = 1000
	// explainedItems bounds each list inside of an explanation.
	explainedItems = 100
)

// ExplainWfRun says what the unfinished ThreadRuns of a WfRun wait for.
func (s *Service) ExplainWfRun(ctx context.Context, req *extra.ExplainWfRunRequest) (*extra.ExplainWfRunResponse, error) {
	c := callOf(ctx)
	p, run, err := s.listing(c, "ExplainWfRun", req, req.Limit, req.WfRunId)
	if err != nil {
		return nil, err
	}
	if run == nil {
		return nil, notFound()
	}
	var e *explanation
	err = s.cfg.Routing.View(ctx, s.homeOf(c.tenant, req.WfRunId), func(v cluster.View) error {
		e = &explanation{tenant: keys.In(c.tenant), run: *run, name: lh.WfRunIDString(req.WfRunId), page: p}
		return e.read(v)
	})
	if err != nil {
		return nil, err
	}
	return e.out, s.explainQueues(ctx, c.tenant, e)
}

// explanation is an answer that grows while the home of the WfRun is read at one moment.
type explanation struct {
	tenant keys.Tenant
	run    keys.Run
	name   string
	page   page

	view cluster.View
	out  *extra.ExplainWfRunResponse
	// timers that were found, by what they are for.
	timers map[string][]*extra.PendingTimer
	// looked is how many children of ThreadRuns were looked at.
	looked int
	// queued are the places in their queues of the tasks that wait to be claimed.
	queued []queuedTask
}

type queuedTask struct {
	wait *extra.TaskWait
	row  keys.Key
}

func (e *explanation) read(v cluster.View) error {
	e.view = v
	row, err := viewed[pb.WfRunRow](v, e.run.WfRun())
	switch {
	case err != nil:
		return err
	case row == nil || row.Deleting:
		return notFound()
	}
	w := row.WfRun
	queue := w.ThreadRunQueue
	e.out = &extra.ExplainWfRunResponse{
		WfRunId: w.Id, WfSpecId: w.WfSpecId, Status: w.Status, StartTime: w.StartTime, EndTime: w.EndTime,
		QueuedThreadRuns: queue[:min(len(queue), explainedItems)], QueuedThreadRunCount: int32(len(queue)),
	}
	threads, err := e.threads()
	if err != nil || len(threads) == 0 {
		return err
	}
	if err := e.findTimers(); err != nil {
		return err
	}
	for _, t := range threads {
		shown, err := e.thread(t)
		if err != nil {
			return err
		}
		e.out.Threads = append(e.out.Threads, shown)
	}
	return nil
}

// threads are those of the page: unfinished ones, or failed.
func (e *explanation) threads() (out []*lhpb.ThreadRun, err error) {
	base := e.run.Kind(keys.KindThreadRun)
	start := base
	if e.page.after != "" {
		start = (base + keys.Key(e.page.after)).After()
	}
	rows, err := e.view.Scan(start, base.End(), explainedRows)
	if err != nil {
		return nil, err
	}
	for i, r := range rows {
		t, err := decode[lhpb.ThreadRun](r.Value)
		if err != nil {
			return nil, err
		}
		if t.Status != lhpb.LHStatus_COMPLETED {
			out = append(out, t)
		}
		if len(out) == e.page.limit && i < len(rows)-1 || i == explainedRows-1 {
			e.out.Bookmark = e.page.next(string(r.Key[len(base):]))
			break
		}
	}
	return out, nil
}

// findTimers looks through the next timers of the partition for those of the WfRun.
func (e *explanation) findTimers() error {
	e.timers = map[string][]*extra.PendingTimer{}
	rows, err := e.view.Scan(keys.Timers(), keys.Timers().End(), explainedTimers)
	if err != nil {
		return err
	}
	e.out.TimersIncomplete = len(rows) == explainedTimers
	for _, r := range rows {
		timer, err := keys.ParseTimer(r.Key)
		if err != nil {
			return err
		}
		of, ours := strings.CutPrefix(timer.ID, e.name+"/")
		if kind := timerKinds[timer.Kind]; ours && timer.Tenant == e.tenant.Name() && kind != extra.TimerKind_TIMER_KIND_UNSPECIFIED {
			subject := timerSubject(kind, of)
			e.timers[subject] = append(e.timers[subject], pendingTimer(kind, timer.DueNs))
		}
	}
	return nil
}

var timerKinds = map[keys.TimerKind]extra.TimerKind{
	keys.TimerTaskTimeout:  extra.TimerKind_TIMER_KIND_TASK_TIMEOUT,
	keys.TimerTaskRetry:    extra.TimerKind_TIMER_KIND_TASK_RETRY,
	keys.TimerEventTimeout: extra.TimerKind_TIMER_KIND_EVENT_TIMEOUT,
	keys.TimerSleep:        extra.TimerKind_TIMER_KIND_SLEEP,
	keys.TimerUserTask:     extra.TimerKind_TIMER_KIND_USER_TASK_ACTION,
}

// timerSubject is what a timer is for: a NodeRun as "thread/position", or a TaskRun as its guid. What follows in the
// name of a timer tells attempts and actions apart.
func timerSubject(kind extra.TimerKind, name string) string {
	switch kind {
	case extra.TimerKind_TIMER_KIND_TASK_TIMEOUT, extra.TimerKind_TIMER_KIND_TASK_RETRY:
		guid, _, _ := strings.Cut(name, "/")
		return guid
	case extra.TimerKind_TIMER_KIND_USER_TASK_ACTION:
		parts := strings.SplitN(name, "/", 3)
		return strings.Join(parts[:min(len(parts), 2)], "/")
	default:
		return name
	}
}

func pendingTimer(kind extra.TimerKind, dueNs int64) *extra.PendingTimer {
	const perSecond = 1_000_000_000
	return &extra.PendingTimer{Kind: kind, Due: &timestamppb.Timestamp{Seconds: dueNs / perSecond, Nanos: int32(dueNs % perSecond)}}
}

func (e *explanation) thread(t *lhpb.ThreadRun) (*extra.ThreadExplanation, error) {
	out := &extra.ThreadExplanation{
		Number: t.Number, ThreadSpecName: t.ThreadSpecName, Status: t.Status, Type: t.Type, ParentThreadRun: t.ParentThreadId,
		HaltReasons: t.HaltReasons, ErrorMessage: t.ErrorMessage, Position: t.CurrentNodePosition,
	}
	n, err := viewed[lhpb.NodeRun](e.view, e.run.NodeRun(t.Number, t.CurrentNodePosition))
	if err != nil || n == nil {
		return out, err
	}
	maskNodeRun(n)
	out.NodeName, out.NodeStatus, out.ArrivalTime, out.Failures = n.NodeName, n.Status, n.ArrivalTime, n.Failures
	if n.EndTime != nil || isOver(n.Status) {
		return out, e.failedTask(out, n)
	}
	out.Timers = e.timers[strconv.Itoa(int(t.Number))+"/"+strconv.Itoa(int(t.CurrentNodePosition))]
	return out, e.node(out, n, t)
}

func isOver(s lhpb.LHStatus) bool {
	return s == lhpb.LHStatus_COMPLETED || s == lhpb.LHStatus_ERROR || s == lhpb.LHStatus_EXCEPTION
}

// failedTask adds the task at which a ThreadRun has failed: what went wrong is said there. Of other nodes the failure
// says all.
func (e *explanation) failedTask(out *extra.ThreadExplanation, n *lhpb.NodeRun) error {
	id := n.GetTask().GetTaskRunId()
	if id == nil || len(n.Failures) == 0 {
		return nil
	}
	return e.task(out, id)
}

// node says what a NodeRun that has not ended waits for.
func (e *explanation) node(out *extra.ThreadExplanation, n *lhpb.NodeRun, t *lhpb.ThreadRun) (err error) {
	switch k := n.NodeType.(type) {
	case *lhpb.NodeRun_Task:
		if id := k.Task.GetTaskRunId(); id != nil {
			return e.task(out, id)
		}
	case *lhpb.NodeRun_ExternalEvent:
		out.WaitsFor = &extra.ThreadExplanation_ExternalEvent{ExternalEvent: &extra.EventWait{
			ExternalEventDefId: k.ExternalEvent.ExternalEventDefId, CorrelationKey: k.ExternalEvent.CorrelationKey,
		}}
	case *lhpb.NodeRun_WaitForThreads:
		wait, err := e.openThreads(n)
		out.WaitsFor = &extra.ThreadExplanation_Threads{Threads: wait}
		return err
	case *lhpb.NodeRun_Exit:
		return e.openChildren(out, t)
	case *lhpb.NodeRun_WaitForChildWf:
		wait := &extra.ChildWait{WfRunId: k.WaitForChildWf.GetChildWfRunId()}
		out.WaitsFor = &extra.ThreadExplanation_ChildWfRun{ChildWfRun: wait}
		return e.child(wait)
	case *lhpb.NodeRun_UserTask:
		if id := k.UserTask.GetUserTaskRunId(); id != nil {
			return e.userTask(out, id)
		}
	case *lhpb.NodeRun_WaitForCondition:
		out.WaitsFor = &extra.ThreadExplanation_Condition{Condition: &extra.ConditionWait{}}
	case *lhpb.NodeRun_Sleep:
		at := k.Sleep.GetMaturationTime()
		out.WaitsFor = &extra.ThreadExplanation_Sleep{Sleep: &extra.SleepWait{MaturationTime: at}}
		if at != nil && len(out.Timers) == 0 {
			out.Timers = []*extra.PendingTimer{{Kind: extra.TimerKind_TIMER_KIND_SLEEP, Due: at}}
		}
	}
	return nil
}

func (e *explanation) task(out *extra.ThreadExplanation, id *lhpb.TaskRunId) error {
	t, err := viewed[lhpb.TaskRun](e.view, e.run.TaskRun(id.TaskGuid))
	if err != nil || t == nil {
		return err
	}
	maskTaskRun(t)
	wait := &extra.TaskWait{
		TaskRunId: t.Id, TaskDefId: t.TaskDefId, Status: t.Status, Attempt: int32(len(t.Attempts)), TotalAttempts: t.TotalAttempts,
	}
	if n := len(t.Attempts); n > 0 {
		wait.TaskWorkerId = t.Attempts[n-1].TaskWorkerId
		wait.LastError = lastError(t.Attempts)
		if at := t.Attempts[n-1].ScheduleTime; t.Status == lhpb.TaskStatus_TASK_SCHEDULED && at != nil {
			e.queued = append(e.queued, queuedTask{wait, keys.ScheduledTask{
				Tenant: e.tenant.Name(), TaskDef: t.TaskDefId.GetName(), ScheduledNs: at.AsTime().UnixNano(),
				WfRun: e.name, Guid: t.Id.TaskGuid, Attempt: int32(n - 1),
			}.Key()})
		}
	}
	out.Timers = append(out.Timers, e.timers[id.TaskGuid]...)
	out.WaitsFor = &extra.ThreadExplanation_Task{Task: wait}
	return e.deadline(out, t)
}

// deadline adds when the running attempt times out, if it has no timer of its own that says so.
func (e *explanation) deadline(out *extra.ThreadExplanation, t *lhpb.TaskRun) error {
	timesOut := func(p *extra.PendingTimer) bool { return p.Kind == extra.TimerKind_TIMER_KIND_TASK_TIMEOUT }
	if t.Status != lhpb.TaskStatus_TASK_RUNNING || slices.ContainsFunc(out.Timers, timesOut) {
		return nil
	}
	from := t.Attempts[len(t.Attempts)-1].StartTime.AsTime()
	if t.TotalCheckpoints > 0 {
		c, err := viewed[lhpb.Checkpoint](e.view, e.run.Checkpoint(t.Id.TaskGuid, t.TotalCheckpoints-1))
		if err != nil {
			return err
		}
		if c != nil && c.CreatedAt.AsTime().After(from) {
			from = c.CreatedAt.AsTime()
		}
	}
	due := from.Add(time.Duration(t.TimeoutSeconds) * time.Second)
	out.Timers = append(out.Timers, pendingTimer(extra.TimerKind_TIMER_KIND_TASK_TIMEOUT, due.UnixNano()))
	return nil
}

// lastError is what went wrong with the latest attempt that has said so.
func lastError(attempts []*lhpb.TaskAttempt) string {
	for _, a := range slices.Backward(attempts) {
		switch r := a.Result.(type) {
		case *lhpb.TaskAttempt_Error:
			return r.Error.GetType().String() + ": " + r.Error.GetMessage()
		case *lhpb.TaskAttempt_Exception:
			return r.Exception.GetName() + ": " + r.Exception.GetMessage()
		}
	}
	return ""
}

// child reads the status of a WfRun of the same tree, whose home is the same.
func (e *explanation) child(wait *extra.ChildWait) error {
	if wait.WfRunId == nil {
		return nil
	}
	row, err := viewed[pb.WfRunRow](e.view, e.tenant.Run(wait.WfRunId).WfRun())
	if row != nil {
		wait.Status = &row.WfRun.Status
	}
	return err
}

func (e *explanation) userTask(out *extra.ThreadExplanation, id *lhpb.UserTaskRunId) error {
	u, err := viewed[lhpb.UserTaskRun](e.view, e.run.UserTaskRun(id.UserTaskGuid))
	if err != nil || u == nil {
		return err
	}
	out.WaitsFor = &extra.ThreadExplanation_UserTask{UserTask: &extra.UserTaskWait{
		UserTaskRunId: u.Id, UserTaskDefId: u.UserTaskDefId, Status: u.Status, UserId: u.UserId, UserGroup: u.UserGroup,
	}}
	return nil
}

// viewed reads the value under a key; nil if it is absent.
func viewed[T any, P interface {
	*T
	machine.Value
}](v cluster.View, k keys.Key) (P, error) {
	b, err := v.Get(k)
	if err != nil || b == nil {
		return nil, err
	}
	return decode[T, P](b)
}

// explainQueues adds what other partitions and this server's queues know of the tasks that are waited for.
func (s *Service) explainQueues(ctx context.Context, tenant string, e *explanation) error {
	places, workers := map[string]*queueHead{}, map[string]*lhpb.TaskWorkerGroup{}
	for _, q := range e.queued {
		def := q.wait.TaskDefId.GetName()
		if places[def] == nil {
			head, err := s.queueHead(ctx, tenant, def)
			if err != nil {
				return err
			}
			places[def] = head
		}
		q.wait.Ahead = places[def].ahead(q.row)
	}
	for _, t := range e.out.Threads {
		wait := t.GetTask()
		if wait == nil || isOver(t.NodeStatus) {
			continue
		}
		def := wait.TaskDefId.GetName()
		if workers[def] == nil {
			g, err := get[lhpb.TaskWorkerGroup](ctx, s, s.cfg.Routing.Core(tenant, def), keys.In(tenant).TaskWorkerGroup(def))
			if err != nil {
				return err
			}
			workers[def] = cmp.Or(g, &lhpb.TaskWorkerGroup{})
		}
		wait.Workers, wait.MoreWorkers = workersOf(workers[def])
		wait.OpenPolls = int32(s.openPolls(ctx, tenant, def))
	}
	return nil
}

// openPolls are the requests of workers for a task, at all servers.
func (s *Service) openPolls(ctx context.Context, tenant, def string) int {
	open := s.cfg.Queues.Requests(tenant, def)
	if s.cfg.PollsElsewhere != nil {
		open += s.cfg.PollsElsewhere(ctx, tenant, def)
	}
	return open
}

// workersOf are those that were heard of last.
func workersOf(g *lhpb.TaskWorkerGroup) (out []*extra.TaskWorker, more bool) {
	for _, w := range g.TaskWorkers {
		out = append(out, &extra.TaskWorker{TaskWorkerId: w.TaskWorkerId, LatestHeartbeat: w.LatestHeartbeat})
	}
	slices.SortFunc(out, func(a, b *extra.TaskWorker) int {
		return cmp.Or(b.LatestHeartbeat.AsTime().Compare(a.LatestHeartbeat.AsTime()), cmp.Compare(a.TaskWorkerId, b.TaskWorkerId))
	})
	return out[:min(len(out), explainedItems)], len(out) > explainedItems
}

// maxAhead is up to where the tasks ahead of another are counted.
const maxAhead = 1000

// queueHead is the front of the queue of a TaskDef: the oldest tasks of every partition.
type queueHead struct{ partitions [][]keys.Key }

// queueHead reads it.
func (s *Service) queueHead(ctx context.Context, tenant, def string) (*queueHead, error) {
	head, prefix := &queueHead{}, keys.In(tenant).Queue(def)
	for _, from := range s.cfg.Routing.Streams() {
		rows, err := s.cfg.Routing.Scan(ctx, from, prefix, prefix.End(), maxAhead)
		if err != nil {
			return nil, err
		}
		waiting := make([]keys.Key, 0, len(rows))
		for _, r := range rows {
			waiting = append(waiting, r.Key)
		}
		head.partitions = append(head.partitions, waiting)
	}
	return head, nil
}

// ahead counts the tasks in front of a row.
func (h *queueHead) ahead(of keys.Key) *extra.BoundedCount {
	count, more := 0, false
	for _, waiting := range h.partitions {
		n, _ := slices.BinarySearch(waiting, of)
		count += n
		more = more || n == maxAhead
	}
	return &extra.BoundedCount{Count: int32(min(count, maxAhead)), More: more || count > maxAhead}
}
