package sim

import (
	"fmt"
	"slices"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

const tenant = "default"

// submit sends a record as the API would, to the server that is up.
func (w *world) submit(to machine.Stream, r *pb.Record, done func(machine.Reply)) {
	w.requests++
	r.Header = &pb.Header{Tenant: tenant, RequestId: fmt.Appendf(nil, "request-%d", w.requests)}
	s := w.server
	s.host.Submit(to, r, func(reply machine.Reply) {
		if !s.dead {
			done(reply)
		}
	})
}

// stream is where everything of a root WfRun lives.
func (w *world) stream(root string) machine.Stream { return machine.CoreOf(tenant, root, partitions) }

func (w *world) ofRun(id *lhpb.WfRunId) machine.Stream { return w.stream(lh.RootWfRunID(id)) }

// client does one random thing that a client might do.
func (w *world) client() {
	switch w.rng.IntN(21) {
	case 0, 1, 2, 3:
		w.runWf(fmt.Sprintf("run-%d", len(w.started)), w.rng.IntN(specCount))
	case 4:
		w.repeatRunWf()
	case 5, 6:
		w.putEvent(eventDef)
	case 7:
		w.putEvent(stopDef)
	case 8:
		w.stopOrResume()
	case 9:
		if w.rng.IntN(3) == 0 {
			w.deleteRun()
		} else {
			w.rescue()
		}
	case 10:
		w.correlate()
	case 11:
		w.schedule()
	case 12, 13:
		w.person()
	case 14, 15:
		w.migrate()
	case 16, 17, 18:
		w.runHeir()
	case 19:
		w.heartbeat()
	case 20:
		w.comeOrGo()
	}
}

// comeOrGo puts a TaskDef that runs may need, or takes it away, as the API does: with the workers that are known.
func (w *world) comeOrGo() {
	if w.rng.IntN(2) == 0 {
		w.submit(metadata, &pb.Record{Command: &pb.Record_PutTaskDef{PutTaskDef: &lhpb.PutTaskDefRequest{Name: leftDef}}}, func(machine.Reply) {})
		return
	}
	gone := &pb.Record_DeleteTaskDef{DeleteTaskDef: &lhpb.DeleteTaskDefRequest{Id: &lhpb.TaskDefId{Name: leftDef}}}
	w.submit(metadata, &pb.Record{Command: gone}, func(r machine.Reply) {
		if r.Err == nil {
			w.submit(w.stream(leftDef), &pb.Record{Command: gone}, func(machine.Reply) {})
		}
	})
}

// heartbeat is a worker that says that it is there.
func (w *world) heartbeat() {
	w.submit(w.stream(taskDef), &pb.Record{Command: &pb.Record_RegisterTaskWorker{RegisterTaskWorker: &pb.RegisterTaskWorker{
		Request: &lhpb.RegisterTaskWorkerRequest{
			TaskWorkerId: fmt.Sprintf("worker-%d", w.rng.IntN(3)), TaskDefId: &lhpb.TaskDefId{Name: taskDef},
		},
		Servers: []*lhpb.LHHostInfo{{Host: "localhost", Port: 2023}},
	}}}, func(r machine.Reply) {
		if r.Err != nil {
			w.violate("client", "RegisterTaskWorker was refused: %v", r.Err)
		}
	})
}

// correlate puts an event by a key, or now and then deletes one.
func (w *world) correlate() {
	key := correlationKey(w.rng)
	def := &lhpb.ExternalEventDefId{Name: eventDef}
	r := &pb.Record{Command: &pb.Record_PutCorrelatedEvent{PutCorrelatedEvent: &lhpb.PutCorrelatedEventRequest{
		Key: key, ExternalEventDefId: def, Content: intValue(1),
	}}}
	if w.rng.IntN(3) == 0 {
		r = &pb.Record{Command: &pb.Record_DeleteCorrelatedEvent{DeleteCorrelatedEvent: &lhpb.DeleteCorrelatedEventRequest{
			Id: &lhpb.CorrelatedEventId{Key: key, ExternalEventDefId: def},
		}}}
	}
	w.submit(w.stream(key), r, func(machine.Reply) {})
}

// scheduleCount is how many schedules there may be at once.
const scheduleCount = 2

// schedule begins a schedule that fires every minute, or ends one.
func (w *world) schedule() {
	id := fmt.Sprintf("schedule-%d", w.rng.IntN(scheduleCount))
	if w.rng.IntN(2) == 0 {
		w.unschedule(id)
		return
	}
	name := specName(w.rng.IntN(specCount))
	w.submit(w.stream(id), &pb.Record{Command: &pb.Record_ScheduleWf{ScheduleWf: &pb.ScheduleWf{
		Request:  &lhpb.ScheduleWfRequest{Id: &id, WfSpecName: name, CronExpression: "* * * * *"},
		WfSpecId: &lhpb.WfSpecId{Name: name},
	}}}, func(machine.Reply) {})
}

func (w *world) unschedule(id string) {
	w.submit(w.stream(id), &pb.Record{Command: &pb.Record_DeleteScheduledWfRun{DeleteScheduledWfRun: &lhpb.DeleteScheduledWfRunRequest{
		Id: &lhpb.ScheduledWfRunId{Id: id},
	}}}, func(machine.Reply) {})
}

// runWf starts a run. Started counts it whether or not an answer ever comes; acknowledged means that it must be
// there for ever.
func (w *world) runWf(id string, spec int) {
	w.started[id] = spec
	command := &pb.RunWf{
		Request:  &lhpb.RunWfRequest{WfSpecName: specName(spec), Id: &id},
		WfSpecId: &lhpb.WfSpecId{Name: specName(spec)},
	}
	if w.rng.IntN(3) == 0 {
		command.Offer = w.credit(taskDef)
	}
	w.submit(w.stream(id), &pb.Record{Command: &pb.Record_RunWf{RunWf: command}}, func(r machine.Reply) {
		if s, is := r.Value.(*pb.Started); is {
			w.deliver(s.Task)
		}
		if r.Err == nil || r.Err.Code == lh.AlreadyExists {
			w.acknowledged[id] = true
		} else if r.Err.Code != lh.ResourceExhausted {
			w.violate("client", "RunWf %s was refused: %v", id, r.Err)
		}
	})
}

// repeatRunWf is a client that did not hear and asks again with the same id.
func (w *world) repeatRunWf() {
	if id, ok := w.anyRun(); ok && w.deleted[id] == 0 && !w.fading[specName(w.started[id])] {
		w.runWf(id, w.started[id])
	}
}

func (w *world) anyRun() (string, bool) {
	if len(w.started) == 0 {
		return "", false
	}
	return fmt.Sprintf("run-%d", w.rng.IntN(len(w.started))), true
}

// putEvent posts an event for anybody in a WfRun, or now and then for a certain thread or node.
func (w *world) putEvent(def string) {
	id, ok := w.anyMember()
	if !ok {
		return
	}
	w.events++
	guid := fmt.Sprintf("event-%d", w.events)
	r := &lhpb.PutExternalEventRequest{
		WfRunId: id, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def}, Guid: &guid, Content: intValue(1),
	}
	if w.rng.IntN(5) == 0 {
		r.ThreadRunNumber = new(int32(w.rng.IntN(4)))
	}
	if w.rng.IntN(8) == 0 {
		r.NodeRunPosition = new(int32(1 + w.rng.IntN(4)))
	}
	w.submit(w.ofRun(id), &pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: r}}, func(reply machine.Reply) {
		if reply.Err == nil {
			w.posted[guid] = posted{run: lh.WfRunIDString(id), def: def}
		}
	})
}

// stopOrResume stops a thread, mostly the first, or lets one go on.
func (w *world) stopOrResume() {
	id, ok := w.anyMember()
	if !ok {
		return
	}
	at := stopped{run: lh.WfRunIDString(id)}
	if w.rng.IntN(3) == 0 {
		at.thread = int32(w.rng.IntN(4))
	}
	if w.rng.IntN(2) == 0 {
		w.resume(at)
		return
	}
	if !slices.Contains(w.stopped, at) {
		w.stopped = append(w.stopped, at)
	}
	w.submit(w.ofRun(id), &pb.Record{Command: &pb.Record_StopWfRun{StopWfRun: &lhpb.StopWfRunRequest{
		WfRunId: id, ThreadRunNumber: at.thread,
	}}}, func(machine.Reply) {})
}

func (w *world) resume(at stopped) {
	id := lh.ParseWfRunID(at.run)
	w.submit(w.ofRun(id), &pb.Record{Command: &pb.Record_ResumeWfRun{ResumeWfRun: &lhpb.ResumeWfRunRequest{
		WfRunId: id, ThreadRunNumber: at.thread,
	}}}, func(machine.Reply) {})
}

// rescue is tried on any thread; most are in no state for it.
func (w *world) rescue() {
	id, ok := w.anyMember()
	if !ok {
		return
	}
	w.submit(w.ofRun(id), &pb.Record{Command: &pb.Record_RescueThreadRun{RescueThreadRun: &lhpb.RescueThreadRunRequest{
		WfRunId: id, ThreadRunNumber: int32(w.rng.IntN(3)), SkipCurrentNode: w.rng.IntN(2) == 0,
	}}}, func(machine.Reply) {})
}

func (w *world) deleteRun() {
	id, ok := w.anyMember()
	if !ok {
		return
	}
	name := lh.WfRunIDString(id)
	w.deleted[name]++
	w.submit(w.ofRun(id), &pb.Record{Command: &pb.Record_DeleteWfRun{DeleteWfRun: &lhpb.DeleteWfRunRequest{Id: id}}}, func(r machine.Reply) {
		if r.Err != nil {
			w.deleted[name]-- // refused, so it runs on
		}
	})
}

// worker does one random thing that a task worker might do: ask for a task, keep what it has done of one so far, report one, or
// report one again.
func (w *world) worker() {
	if len(w.held) > 0 && w.rng.IntN(2) == 0 {
		i := w.rng.IntN(len(w.held))
		task := w.held[i]
		if w.rng.IntN(8) == 0 {
			return // slow: the attempt may time out meanwhile
		}
		if w.rng.IntN(6) == 0 {
			w.checkpoint(task)
			return
		}
		if w.rng.IntN(10) > 0 {
			w.held = slices.Delete(w.held, i, i+1)
		}
		w.report(task, w.outcome())
		return
	}
	if waiting := w.server.sortedWaiting(); len(waiting) > 0 {
		w.claim(waiting[w.rng.IntN(len(waiting))])
	}
}

// claim asks for the attempt. The hint stays until a commit takes it away, so two workers may ask for one.
func (w *world) claim(hint keys.Key) {
	at := w.server.waiting[hint]
	q, err := keys.ParseScheduledTask(hint)
	if err != nil {
		w.violate("client", "queue row %q cannot be read: %v", hint, err)
		return
	}
	s := w.server
	w.submit(at, &pb.Record{Command: &pb.Record_ClaimTask{ClaimTask: &pb.ClaimTask{
		TaskRunId: &lhpb.TaskRunId{WfRunId: lh.ParseWfRunID(q.WfRun), TaskGuid: q.Guid}, Attempt: q.Attempt,
		Credit: w.credit(q.TaskDef),
	}}}, func(r machine.Reply) {
		if r.Err != nil {
			return
		}
		task, _ := r.Value.(*lhpb.ScheduledTask)
		if task == nil {
			delete(s.waiting, hint)
			return
		}
		w.deliver(task)
	})
}

func (w *world) deliver(task *lhpb.ScheduledTask) {
	name := attemptName(task)
	w.delivered[name]++
	if w.delivered[name] > 1 {
		w.violate("delivery", "%s reached a worker %d times", name, w.delivered[name])
	}
	w.held = append(w.held, task)
}

// checkpoint keeps what was done so far. The attempt that follows begins with it.
func (w *world) checkpoint(task *lhpb.ScheduledTask) {
	w.submit(w.ofRun(task.TaskRunId.WfRunId), &pb.Record{Command: &pb.Record_PutCheckpoint{PutCheckpoint: &lhpb.PutCheckpointRequest{
		TaskRunId: task.TaskRunId, TaskAttempt: task.AttemptNumber, Value: intValue(int64(w.rng.IntN(3))),
	}}}, func(machine.Reply) {})
}

func (w *world) outcome() lhpb.TaskStatus {
	if w.rng.IntN(20) == 0 {
		return [...]lhpb.TaskStatus{lhpb.TaskStatus_TASK_OUTPUT_SERDE_ERROR, lhpb.TaskStatus_TASK_INPUT_VAR_SUB_ERROR}[w.rng.IntN(2)]
	}
	return [...]lhpb.TaskStatus{
		lhpb.TaskStatus_TASK_SUCCESS, lhpb.TaskStatus_TASK_SUCCESS, lhpb.TaskStatus_TASK_SUCCESS,
		lhpb.TaskStatus_TASK_FAILED, lhpb.TaskStatus_TASK_EXCEPTION,
	}[w.rng.IntN(5)]
}

func (w *world) report(task *lhpb.ScheduledTask, status lhpb.TaskStatus) {
	r := &lhpb.ReportTaskRun{TaskRunId: task.TaskRunId, AttemptNumber: task.AttemptNumber, Status: status}
	switch status {
	case lhpb.TaskStatus_TASK_SUCCESS:
		r.Result = &lhpb.ReportTaskRun_Output{Output: intValue(int64(w.rng.IntN(3)))}
	case lhpb.TaskStatus_TASK_FAILED, lhpb.TaskStatus_TASK_OUTPUT_SERDE_ERROR, lhpb.TaskStatus_TASK_INPUT_VAR_SUB_ERROR:
		r.Result = &lhpb.ReportTaskRun_Error{Error: &lhpb.LHTaskError{Type: lhpb.LHErrorType_TASK_FAILURE, Message: "broken"}}
	case lhpb.TaskStatus_TASK_EXCEPTION:
		r.Result = &lhpb.ReportTaskRun_Exception{Exception: &lhpb.LHTaskException{Name: "declined", Message: "no"}}
	}
	command := &pb.ReportTask{Report: r}
	if w.rng.IntN(3) == 0 {
		command.Offer = w.credit(taskDef)
	}
	w.submit(w.ofRun(task.TaskRunId.WfRunId), &pb.Record{Command: &pb.Record_ReportTask{ReportTask: command}}, func(reply machine.Reply) {
		if next, _ := reply.Value.(*lhpb.ScheduledTask); next != nil {
			w.deliver(next)
		}
	})
}

// credit is a worker's readiness for one task.
func (w *world) credit(taskDef string) *pb.Credit {
	w.credits++
	return &pb.Credit{
		TaskDefId: &lhpb.TaskDefId{Name: taskDef}, WorkerId: "worker", Incarnation: w.server.incarnation, Number: w.credits,
	}
}
