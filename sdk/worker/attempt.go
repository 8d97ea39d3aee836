package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
)

// Info is what a task function may know about the attempt it runs.
type Info struct {
	// WfRunID names the WfRun that wants the task.
	WfRunID lh.RunID
	// TaskGUID names the TaskRun inside the WfRun.
	TaskGUID string
	// Thread and Position name the NodeRun that wants the task.
	Thread   int32
	Position int32
	// Attempt counts from 0.
	Attempt int32
	// IdempotencyKey is the same for all attempts of a TaskRun and for no other TaskRun.
	IdempotencyKey string
	// ScheduledTime is when the server scheduled the attempt.
	ScheduledTime time.Time
	// UserID and UserGroup are set for the reminder tasks of user tasks.
	UserID    string
	UserGroup string
}

type attemptKey struct{}

// attempt is one execution of a task.
type attempt struct {
	info      Info
	scheduled *lhpb.ScheduledTask
	api       lhpb.LittleHorseClient
	cancel    context.CancelCauseFunc
	logs      *logBuffer
	log       *slog.Logger

	checkpointing sync.Mutex
	checkpoints   int32 // passed so far
	logged        int   // bytes of the log that earlier checkpoints took along
}

func newAttempt(w *Worker, api lhpb.LittleHorseClient, t *lhpb.ScheduledTask, cancel context.CancelCauseFunc) *attempt {
	logs := &logBuffer{limit: w.logLimit}
	info := infoOf(t)
	forAttempt := slog.NewTextHandler(logs, nil)
	forProcess := w.log.Handler().WithAttrs([]slog.Attr{
		slog.String("task_def", t.GetTaskDefId().GetName()), slog.String("wf_run", string(info.WfRunID)),
		slog.Int("attempt", int(info.Attempt)),
	})
	return &attempt{
		info: info, scheduled: t, api: api, cancel: cancel, logs: logs,
		log: slog.New(slog.NewMultiHandler(forProcess, forAttempt)),
	}
}

func infoOf(t *lhpb.ScheduledTask) Info {
	run := lh.RunIDOf(t.GetTaskRunId().GetWfRunId())
	info := Info{
		WfRunID: run, TaskGUID: t.GetTaskRunId().GetTaskGuid(), Attempt: t.GetAttemptNumber(),
		IdempotencyKey: string(run) + "/" + t.GetTaskRunId().GetTaskGuid(),
		ScheduledTime:  t.GetCreatedAt().AsTime(),
	}
	node := t.GetSource().GetTaskNode().GetNodeRunId()
	if reminder := t.GetSource().GetUserTaskTrigger(); reminder != nil {
		node = reminder.GetNodeRunId()
		info.UserID, info.UserGroup = reminder.GetUserId(), reminder.GetUserGroup()
	}
	info.Thread, info.Position = node.GetThreadRunNumber(), node.GetPosition()
	return info
}

// From tells a task function about its attempt. Outside a worker it is empty.
func From(ctx context.Context) Info {
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		return a.info
	}
	return Info{}
}

// Log logs to the process and to the log output of the attempt. Outside a worker it is slog.Default.
func Log(ctx context.Context) *slog.Logger {
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		return a.log
	}
	return slog.Default()
}

// ErrStopped is why a task's context ends, and what Checkpoint returns, when another attempt has taken over.
var ErrStopped = errors.New("the server asks this attempt to stop")

// Checkpoint runs f and saves its result with the TaskRun, so that a later attempt takes the result instead of running f
// again. Checkpoints of an attempt are told apart by their order; the name is for logs. Each one starts the attempt's
// timeout anew. Outside a worker it just runs f.
func Checkpoint[T any](ctx context.Context, name string, f func(ctx context.Context) (T, error)) (T, error) {
	var result T
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok {
		return f(ctx)
	}
	if !a.checkpointing.TryLock() {
		return result, fmt.Errorf("checkpoint %s: another checkpoint of this attempt is still running", name)
	}
	defer a.checkpointing.Unlock()
	if a.checkpoints < a.scheduled.TotalObservedCheckpoints {
		saved, err := a.savedCheckpoint(ctx)
		if err != nil {
			return result, fmt.Errorf("checkpoint %s: %w", name, err)
		}
		if err := lh.Scan(saved, &result); err != nil {
			return result, fmt.Errorf("checkpoint %s: %w", name, err)
		}
		return result, nil
	}
	result, err := f(ctx)
	if err != nil {
		return result, err
	}
	if err := a.saveCheckpoint(ctx, result); err != nil {
		return result, fmt.Errorf("checkpoint %s: %w", name, err)
	}
	return result, nil
}

func (a *attempt) savedCheckpoint(ctx context.Context) (*lhpb.VariableValue, error) {
	saved, err := a.api.GetCheckpoint(ctx, &lhpb.CheckpointId{
		TaskRun: a.scheduled.TaskRunId, CheckpointNumber: a.checkpoints,
	})
	if err != nil {
		return nil, err
	}
	a.checkpoints++
	return saved.Value, nil
}

func (a *attempt) saveCheckpoint(ctx context.Context, result any) error {
	value, err := lh.Value(result)
	if err != nil {
		return err
	}
	req := &lhpb.PutCheckpointRequest{
		TaskRunId: a.scheduled.TaskRunId, TaskAttempt: a.scheduled.AttemptNumber, Value: value,
	}
	if text := a.logs.text(); len(text) > a.logged {
		logs := text[a.logged:]
		req.Logs, a.logged = &logs, len(text)
	}
	answer, err := a.api.PutCheckpoint(ctx, req)
	if err != nil {
		return err
	}
	if answer.FlowControlContinueType != lhpb.PutCheckpointResponse_CONTINUE_TASK {
		a.cancel(ErrStopped)
		return ErrStopped
	}
	a.checkpoints++
	return nil
}

// logBuffer keeps the beginning of what is logged.
type logBuffer struct {
	limit int

	mu        sync.Mutex
	buffer    bytes.Buffer
	truncated bool
}

func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.truncated {
		return len(line), nil
	}
	if b.buffer.Len()+len(line) <= b.limit {
		b.buffer.Write(line)
		return len(line), nil
	}
	b.truncated = true
	b.buffer.WriteString("… truncated\n")
	return len(line), nil
}

func (b *logBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
