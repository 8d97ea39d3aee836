package engine

import (
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

const defaultTaskTimeoutSeconds = 60

// taskRun is a TaskRun within a record.
type taskRun struct {
	run *wfRun
	row row[lhpb.TaskRun, *lhpb.TaskRun]

	given []*lhpb.VarNameAndVal // all its inputs, once they were asked for
	apart *pb.TaskInputs        // those that the row leaves out, if this record made it
}

func (k *taskRun) get() *lhpb.TaskRun  { return k.row.now }
func (k *taskRun) edit() *lhpb.TaskRun { return k.row.edit(k.run.tx) }

// last is the number of the latest attempt.
func (k *taskRun) last() int32 { return int32(len(k.get().Attempts) - 1) }

func lastAttempt(t *lhpb.TaskRun) *lhpb.TaskAttempt { return t.Attempts[len(t.Attempts)-1] }

// ended reports whether no attempt will follow.
func (k *taskRun) ended() bool { return !openTask(k.get().Status) }

func openTask(s lhpb.TaskStatus) bool {
	switch s {
	case lhpb.TaskStatus_TASK_SCHEDULED, lhpb.TaskStatus_TASK_RUNNING, lhpb.TaskStatus_TASK_PENDING:
		return true
	default:
		return false
	}
}

// taskRun is the TaskRun of that id; nil if there is none.
func (t *txn) taskRun(id *lhpb.TaskRunId) *taskRun {
	w := t.wfRun(id.GetWfRunId())
	if w == nil {
		return nil
	}
	return w.task(id.GetTaskGuid())
}

// task is the TaskRun of that guid; nil if there is none.
func (w *wfRun) task(guid string) *taskRun {
	if k := w.tasks.get(guid); k != nil {
		return k
	}
	k := w.tx.supplies.tasks.take()
	k.run = w
	k.row = load[lhpb.TaskRun](w.tx, w.keys.TaskRun(guid))
	if k.row.now == nil {
		return nil
	}
	w.tasks.add(guid, k)
	return k
}

// taskStart says what a new TaskRun is to do.
type taskStart struct {
	guid   string
	def    *lhpb.TaskDef
	node   *lhpb.TaskNode
	inputs givenInputs
	source *lhpb.TaskRunSource
}

// schedule makes a TaskRun with a first attempt that waits to be claimed.
func (w *wfRun) schedule(s taskStart) *taskRun {
	k := w.tx.supplies.tasks.take()
	k.run = w
	k.row.key = w.keys.TaskRun(s.guid)
	timeout := s.node.TimeoutSeconds
	if timeout == 0 {
		timeout = defaultTaskTimeoutSeconds
	}
	made := &struct {
		task  lhpb.TaskRun
		id    lhpb.TaskRunId
		first lhpb.TaskAttempt
		one   [1]*lhpb.TaskAttempt
	}{}
	made.id.WfRunId, made.id.TaskGuid = w.id(), s.guid
	made.first.Status = lhpb.TaskStatus_TASK_SCHEDULED
	made.first.ScheduleTime = w.tx.now
	made.one[0] = &made.first
	task := &made.task
	task.Id = &made.id
	task.TaskDefId = s.def.Id
	task.Attempts = made.one[:]
	task.TotalAttempts = 1 + s.node.Retries
	task.InputVariables = s.inputs.all
	if len(s.inputs.apart) > 0 {
		k.part(task, s)
	}
	task.Source = s.source
	task.ScheduledAt = w.tx.now
	task.Status = lhpb.TaskStatus_TASK_SCHEDULED
	task.TimeoutSeconds = timeout
	task.ExponentialBackoff = s.node.ExponentialBackoff
	k.row.put(w.tx, task)
	w.tasks.add(s.guid, k)
	w.tx.scheduled = append(w.tx.scheduled, k)
	return k
}

// waits reports whether the attempt is in the queue.
func (k *taskRun) waits(attempt int32) bool {
	return attempt == k.last() && k.get().Status == lhpb.TaskStatus_TASK_SCHEDULED
}

// claim hands the waiting attempt to the poller.
func (k *taskRun) claim(c *pb.Credit) *lhpb.ScheduledTask {
	task := k.edit()
	a := lastAttempt(task)
	a.Status = lhpb.TaskStatus_TASK_RUNNING
	a.StartTime = k.run.tx.now
	a.TaskWorkerId = c.GetWorkerId()
	a.TaskWorkerVersion = new(c.GetWorkerVersion())
	task.Status = lhpb.TaskStatus_TASK_RUNNING
	return &lhpb.ScheduledTask{
		TaskRunId:                task.Id,
		TaskDefId:                task.TaskDefId,
		AttemptNumber:            k.last(),
		Variables:                k.inputs(),
		CreatedAt:                a.ScheduleTime,
		Source:                   task.Source,
		TotalObservedCheckpoints: task.TotalCheckpoints,
	}
}

// report ends the running attempt as the worker says, or as its output allows.
func (k *taskRun) report(c *pb.ReportTask) {
	r := c.Report
	task := k.edit()
	a := lastAttempt(task)
	a.EndTime = r.Time
	if a.EndTime == nil {
		a.EndTime = k.run.tx.now
	}
	a.LogOutput = r.LogOutput
	a.Status = r.Status
	def := k.run.tx.specs.TaskDef(task.TaskDefId.GetName())
	a.MaskedValue = masksOutput(def)
	if c.Oversized || r.SizeVT() > k.run.tx.engine.config.MaxRecordBytes {
		k.refuseResult(a)
		task.Status = a.Status
		return
	}
	switch result := r.Result.(type) {
	case *lhpb.ReportTaskRun_Error:
		a.Result = &lhpb.TaskAttempt_Error{Error: result.Error}
	case *lhpb.ReportTaskRun_Exception:
		a.Result = &lhpb.TaskAttempt_Exception{Exception: withContent(result.Exception)}
	default:
		k.takeOutput(a, def, r)
	}
	task.Status = a.Status
	if k.size() > k.run.tx.engine.config.MaxRecordBytes {
		k.refuseResult(a)
		task.Status = a.Status
	}
}

// masksOutput reports whether reads hide what the task returns.
func masksOutput(def *lhpb.TaskDef) bool { return def.GetReturnType().GetReturnType().GetMasked() }

// withContent is the exception with a content, NULL if the worker gave none.
func withContent(e *lhpb.LHTaskException) *lhpb.LHTaskException {
	if e.GetContent() != nil {
		return e
	}
	return &lhpb.LHTaskException{Name: e.GetName(), Message: e.GetMessage(), Content: null}
}

// takeOutput stores a usable output; one that is not ends the attempt for good.
func (k *taskRun) takeOutput(a *lhpb.TaskAttempt, def *lhpb.TaskDef, r *lhpb.ReportTaskRun) {
	output := r.GetOutput()
	if r.Status == lhpb.TaskStatus_TASK_SUCCESS && output == nil {
		output = null
	}
	if output == nil {
		return
	}
	output, err := k.run.tx.taskOutput(output, def, r.Status)
	if err != nil {
		a.Status = lhpb.TaskStatus_TASK_OUTPUT_SERDE_ERROR
		a.Result = &lhpb.TaskAttempt_Error{Error: &lhpb.LHTaskError{
			Type:    lhpb.LHErrorType_VAR_SUB_ERROR,
			Message: err.Error(),
		}}
		return
	}
	a.Result = &lhpb.TaskAttempt_Output{Output: output}
}

// refuseResult ends the attempt for good because its result does not fit a record.
func (k *taskRun) refuseResult(a *lhpb.TaskAttempt) {
	const text = "RESOURCE_EXHAUSTED: Record too large"
	a.Status = lhpb.TaskStatus_TASK_OUTPUT_SERDE_ERROR
	a.Result = &lhpb.TaskAttempt_Error{Error: &lhpb.LHTaskError{Type: lhpb.LHErrorType_TASK_ERROR, Message: text}}
	a.LogOutput = stringValue(text)
}

// goOn does what follows from the end of an attempt: another, or the ThreadRun goes on.
func (k *taskRun) goOn() {
	k.retry()
	if at := k.get().Source.GetTaskNode().GetNodeRunId(); at != nil && k.ended() {
		k.run.thread(at.ThreadRunNumber)
		k.run.advance()
	}
}

// timeOut ends the running attempt at its deadline.
func (k *taskRun) timeOut() {
	task := k.edit()
	a := lastAttempt(task)
	a.Status = lhpb.TaskStatus_TASK_TIMEOUT
	a.EndTime = k.run.tx.now
	a.MaskedValue = masksOutput(k.run.tx.specs.TaskDef(task.TaskDefId.GetName()))
	task.Status = a.Status
}

// retry appends the next attempt if one may follow: at once, or when the backoff has passed.
func (k *taskRun) retry() {
	task := k.get()
	if task.Status != lhpb.TaskStatus_TASK_FAILED && task.Status != lhpb.TaskStatus_TASK_TIMEOUT {
		return
	}
	if int32(len(task.Attempts)) >= task.TotalAttempts || !k.roomForAttempt() {
		return
	}
	delay := backoff(task.ExponentialBackoff, len(task.Attempts))
	task = k.edit()
	if task.ExponentialBackoff == nil {
		task.Attempts = append(task.Attempts, &lhpb.TaskAttempt{})
		k.enqueue()
		return
	}
	task.Attempts = append(task.Attempts, &lhpb.TaskAttempt{Status: lhpb.TaskStatus_TASK_PENDING})
	task.Status = lhpb.TaskStatus_TASK_PENDING
	k.run.tx.setTimer(
		keys.Timer{
			DueNs: k.run.tx.nowNs + delay.Nanoseconds(),
			Kind:  keys.TimerTaskRetry,
			ID:    k.run.name + "/" + task.Id.TaskGuid,
		},
		&pb.Timer{What: &pb.Timer_TaskRetry_{TaskRetry: &pb.Timer_TaskRetry{TaskRunId: task.Id, Attempt: k.last()}}},
	)
}

// enqueue puts the latest attempt into the queue.
func (k *taskRun) enqueue() {
	task := k.edit()
	a := lastAttempt(task)
	a.Status = lhpb.TaskStatus_TASK_SCHEDULED
	a.ScheduleTime = k.run.tx.now
	task.Status = lhpb.TaskStatus_TASK_SCHEDULED
	k.run.tx.scheduled = append(k.run.tx.scheduled, k)
}

// attemptBytes is more than an attempt needs that has only been claimed.
const attemptBytes = 1024

func (k *taskRun) roomForAttempt() bool {
	return k.size()+attemptBytes <= k.run.tx.engine.config.MaxRecordBytes
}

// backoff is how long the retry waits that follows the given number of attempts.
func backoff(p *lhpb.ExponentialBackoffRetryPolicy, attempts int) time.Duration {
	if p == nil {
		return 0
	}
	ms, limit := float64(p.BaseIntervalMs), float64(p.MaxDelayMs)
	for i := 1; i < attempts && ms < limit; i++ {
		ms *= float64(p.Multiplier)
	}
	return time.Duration(min(ms, limit, maxBackoffMs)) * time.Millisecond
}

// maxBackoffMs is a hundred years.
const maxBackoffMs = 100 * 366 * 24 * 3600 * 1000

// claimTask hands a waiting attempt to a poller.
func (t *txn) claimTask(c *pb.ClaimTask) machine.Reply {
	k := t.taskRun(c.GetTaskRunId())
	if k == nil || !k.waits(c.Attempt) {
		return done
	}
	return answer(k.claim(c.Credit))
}

// offered is the first attempt that this record put into the queue and that fits the offered credit; nil if none does.
func (t *txn) offered(c *pb.Credit) *taskRun {
	if c == nil {
		return nil
	}
	for _, k := range t.scheduled {
		if k.get().TaskDefId.GetName() == c.GetTaskDefId().GetName() && k.waits(k.last()) {
			return k
		}
	}
	return nil
}

// reportTask ends an attempt. A report that comes too late, or twice, changes nothing.
func (t *txn) reportTask(c *pb.ReportTask) machine.Reply {
	r := c.GetReport()
	if err := checkReport(r); err != nil {
		return refuse(err)
	}
	k := t.taskRun(r.TaskRunId)
	if k == nil {
		return refusef(lh.InvalidArgument, "Could not find specified TaskRun")
	}
	if r.AttemptNumber < 0 || r.AttemptNumber > k.last() {
		return refusef(lh.InvalidArgument, "Specified Task Attempt does not exist!")
	}
	if k.get().Attempts[r.AttemptNumber].Status != lhpb.TaskStatus_TASK_RUNNING {
		return done
	}
	k.report(c)
	k.goOn()
	next := t.offered(c.Offer)
	if next == nil {
		return done
	}
	task := next.claim(c.Offer)
	next.takeTimerOf(k)
	return answer(task)
}

// checkReport refuses what no worker may say, whatever the TaskRun.
func checkReport(r *lhpb.ReportTaskRun) *lh.Error {
	if r.GetTaskRunId() == nil {
		return lh.Errorf(lh.InvalidArgument, "Missing required argument 'task_run_id'")
	}
	if openTask(r.Status) {
		return lh.Errorf(lh.InvalidArgument, "A report cannot leave a TaskRun in status %s", r.Status)
	}
	if _, known := lhpb.TaskStatus_name[int32(r.Status)]; !known {
		return lh.Errorf(lh.InvalidArgument, "Unknown TaskStatus %d", r.Status)
	}
	if r.Status == lhpb.TaskStatus_TASK_EXCEPTION && r.GetException() == nil {
		return lh.Errorf(lh.InvalidArgument, "A report of TASK_EXCEPTION needs an exception")
	}
	return nil
}

// taskTimedOut is the timer of an attempt that nobody reported.
func (t *txn) taskTimedOut(timer *pb.Timer_TaskTimeout) {
	if w := t.anyWfRun(timer.TaskRunId.GetWfRunId()); w != nil && w.sharedTimerDue() {
		return
	}
	k := t.taskRun(timer.TaskRunId)
	if k == nil || k.last() != timer.Attempt || k.get().Status != lhpb.TaskStatus_TASK_RUNNING {
		return
	}
	if t.deadline(k.get()) != t.nowNs {
		return
	}
	k.timeOut()
	k.goOn()
}

// taskRetryReady is the timer of an attempt that waited for its backoff.
func (t *txn) taskRetryReady(timer *pb.Timer_TaskRetry, setNs int64) {
	k := t.taskRun(timer.TaskRunId)
	if k == nil || k.last() != timer.Attempt || k.get().Status != lhpb.TaskStatus_TASK_PENDING {
		return
	}
	if setNs < k.get().ScheduledAt.AsTime().UnixNano() {
		return
	}
	k.enqueue()
}

// putCheckpoint stores what a running attempt has reached and moves its deadline.
func (t *txn) putCheckpoint(r *lhpb.PutCheckpointRequest) machine.Reply {
	k := t.taskRun(r.GetTaskRunId())
	if k == nil {
		return refusef(lh.InvalidArgument, "Could not find specified TaskRun")
	}
	if r.TaskAttempt != k.last() || k.get().Status != lhpb.TaskStatus_TASK_RUNNING {
		return answer(&lhpb.PutCheckpointResponse{FlowControlContinueType: lhpb.PutCheckpointResponse_STOP_TASK})
	}
	v, err := value.ValidateUntyped(r.Value)
	if err != nil {
		return refusef(lh.InvalidArgument, "Invalid value of checkpoint: %s", err)
	}
	task := k.edit()
	made := &lhpb.Checkpoint{
		Id:        &lhpb.CheckpointId{TaskRun: task.Id, CheckpointNumber: task.TotalCheckpoints},
		Value:     v,
		Logs:      r.Logs,
		CreatedAt: t.now,
	}
	c := &row[lhpb.Checkpoint, *lhpb.Checkpoint]{key: k.run.keys.Checkpoint(task.Id.TaskGuid, task.TotalCheckpoints)}
	c.put(t, made)
	t.checkpoint = made
	task.TotalCheckpoints++
	return answer(&lhpb.PutCheckpointResponse{
		FlowControlContinueType: lhpb.PutCheckpointResponse_CONTINUE_TASK,
		CreatedCheckpoint:       made,
	})
}
