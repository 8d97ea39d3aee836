package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
)

// execute runs a task in its own goroutine once a slot is free, and reports to the server that gave it.
func (p *pool) execute(from *host, t *lhpb.ScheduledTask) {
	p.counter.arrived()
	p.executing.Go(func() {
		defer p.w.budget.finished(p)
		p.slots <- struct{}{}
		defer func() { <-p.slots }()
		p.w.budget.slots <- struct{}{}
		defer func() { <-p.w.budget.slots }()
		p.w.budget.started(from)

		ctx, cancel := context.WithCancelCause(p.taskContext)
		defer cancel(nil)
		a := newAttempt(p.w, from.api, t, cancel)
		begun := time.Now()
		report := a.report(p.run(context.WithValue(ctx, attemptKey{}, a), t))
		p.counter.ended(report.Status, time.Since(begun))
		if err := p.report(from.api, report); err != nil {
			err = fmt.Errorf("result of task %s, %s, is lost: %w", p.task.Name(), a.info.IdempotencyKey, err)
			p.w.log.Error("no server took a result", "task_def", p.task.Name(), "wf_run", string(a.info.WfRunID), "err", err)
			p.counter.lose()
			p.w.lose(err)
		}
	})
}

// run calls the task function behind the interceptors. They see a panic of the function as an error; a panic of theirs becomes one, too.
func (p *pool) run(ctx context.Context, t *lhpb.ScheduledTask) (*lhpb.VariableValue, error) {
	handler := withoutPanics(func(ctx context.Context, t *lhpb.ScheduledTask) (*lhpb.VariableValue, error) {
		return p.task.Invoke(ctx, t.Variables)
	})
	for i := len(p.w.interceptor) - 1; i >= 0; i-- {
		handler = p.w.interceptor[i](handler)
	}
	return withoutPanics(handler)(ctx, t)
}

func withoutPanics(next Handler) Handler {
	return func(ctx context.Context, t *lhpb.ScheduledTask) (output *lhpb.VariableValue, err error) {
		defer func() {
			if reason := recover(); reason != nil {
				Log(ctx).Error("task panicked", "panic", reason, "stack", string(debug.Stack()))
				output, err = nil, fmt.Errorf("panic: %v", reason)
			}
		}()
		return next(ctx, t)
	}
}

// report is what the server is told about an attempt.
func (a *attempt) report(output *lhpb.VariableValue, err error) *lhpb.ReportTaskRun {
	r := &lhpb.ReportTaskRun{
		TaskRunId: a.scheduled.TaskRunId, AttemptNumber: a.scheduled.AttemptNumber, Time: timestamppb.Now(),
	}
	a.setResult(r, output, err)
	if text := a.logs.text(); text != "" {
		r.LogOutput = &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: text}}
	}
	return r
}

func (a *attempt) setResult(r *lhpb.ReportTaskRun, output *lhpb.VariableValue, err error) {
	var exception *lh.TaskException
	var badInput *task.InputError
	var badOutput *task.OutputError
	switch {
	case err == nil:
		if output == nil {
			output = &lhpb.VariableValue{}
		}
		r.Status = lhpb.TaskStatus_TASK_SUCCESS
		r.Result = &lhpb.ReportTaskRun_Output{Output: output}
	case errors.As(err, &exception):
		setException(r, exception)
	case errors.As(err, &badInput):
		setError(r, lhpb.TaskStatus_TASK_INPUT_VAR_SUB_ERROR, lhpb.LHErrorType_VAR_SUB_ERROR, err)
	case errors.As(err, &badOutput):
		setError(r, lhpb.TaskStatus_TASK_OUTPUT_SERDE_ERROR, lhpb.LHErrorType_VAR_MUTATION_ERROR, err)
	default:
		setError(r, lhpb.TaskStatus_TASK_FAILED, lhpb.LHErrorType_TASK_FAILURE, err)
	}
}

func setException(r *lhpb.ReportTaskRun, e *lh.TaskException) {
	content, err := lh.Value(e.Content)
	if err != nil {
		err = fmt.Errorf("content of exception %s: %w", e.Name, err)
		setError(r, lhpb.TaskStatus_TASK_OUTPUT_SERDE_ERROR, lhpb.LHErrorType_VAR_MUTATION_ERROR, err)
		return
	}
	r.Status = lhpb.TaskStatus_TASK_EXCEPTION
	r.Result = &lhpb.ReportTaskRun_Exception{Exception: &lhpb.LHTaskException{
		Name: e.Name, Message: e.Message, Content: content,
	}}
}

func setError(r *lhpb.ReportTaskRun, s lhpb.TaskStatus, kind lhpb.LHErrorType, err error) {
	r.Status = s
	r.Result = &lhpb.ReportTaskRun_Error{Error: &lhpb.LHTaskError{Type: kind, Message: err.Error()}}
}

// reportTimeout bounds one offer of a result.
const reportTimeout = 15 * time.Second

// report offers a result until a server takes it: to the one that gave the task, then by turns to the bootstrap server.
// The same result may arrive twice without harm.
func (p *pool) report(api lhpb.LittleHorseClient, r *lhpb.ReportTaskRun) error {
	servers := []lhpb.LittleHorseClient{api, p.bootstrap()}
	giveUp := time.Now().Add(p.w.reportFor)
	pause := firstPause
	for i := 0; ; i++ {
		err := p.offer(servers[i%len(servers)], r)
		if err == nil || !worthRepeating(err) || time.Now().Add(pause).After(giveUp) {
			return err
		}
		if !sleep(p.reportContext, pause) {
			return err
		}
		pause = min(pause*2, maxPause)
	}
}

func (p *pool) offer(api lhpb.LittleHorseClient, r *lhpb.ReportTaskRun) error {
	ctx, cancel := context.WithTimeout(p.reportContext, reportTimeout)
	defer cancel()
	_, err := api.ReportTask(ctx, r)
	return err
}

// worthRepeating tells trouble from a refusal that will not change.
func worthRepeating(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted, codes.Internal, codes.Unknown:
		return true
	}
	return false
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
