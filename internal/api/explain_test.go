package api

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

var explainedAt = time.Unix(1_700_000_000, 0)

// storeWaiting stores a WfRun with a ThreadRun for each NodeRun.
func (f *face) storeWaiting(id string, nodes ...*lhpb.NodeRun) (run keys.Run) {
	wfRun := &lhpb.WfRunId{Id: id}
	home := f.cluster.Core(DefaultTenant, id)
	run = keys.In(DefaultTenant).Run(wfRun)
	f.cluster.put(home, run.WfRun(), &pb.WfRunRow{WfRun: &lhpb.WfRun{Id: wfRun, Status: lhpb.LHStatus_RUNNING, ThreadRunQueue: []int32{77}}})
	for i, n := range nodes {
		number := int32(i)
		n.Id = &lhpb.NodeRunId{WfRunId: wfRun, ThreadRunNumber: number, Position: 1}
		f.cluster.put(home, run.NodeRun(number, 1), n)
		f.cluster.put(home, run.ThreadRun(number), &lhpb.ThreadRun{Number: number, Status: lhpb.LHStatus_RUNNING, CurrentNodePosition: 1})
	}
	return run
}

func (f *face) explain(t *testing.T, req *extra.ExplainWfRunRequest) *extra.ExplainWfRunResponse {
	t.Helper()
	got, err := extra.NewExtraServiceClient(f.conn).ExplainWfRun(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func taskNode(guid string) *lhpb.NodeRun {
	return &lhpb.NodeRun{NodeType: &lhpb.NodeRun_Task{Task: &lhpb.TaskNodeRun{TaskRunId: &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: "w"}, TaskGuid: guid}}}}
}

func TestExplanationCountsWhatIsAheadInEveryPartition(t *testing.T) {
	f := newFace(t)
	run := f.storeWaiting("w", taskNode("0-1"))
	home := f.cluster.Core(DefaultTenant, "w")
	f.cluster.put(home, run.TaskRun("0-1"), &lhpb.TaskRun{
		Id: &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: "w"}, TaskGuid: "0-1"}, TaskDefId: &lhpb.TaskDefId{Name: "greet"},
		Status: lhpb.TaskStatus_TASK_SCHEDULED, TotalAttempts: 2,
		Attempts: []*lhpb.TaskAttempt{
			{Result: &lhpb.TaskAttempt_Error{Error: &lhpb.LHTaskError{Type: lhpb.LHErrorType_TASK_FAILURE, Message: "no"}}},
			{Status: lhpb.TaskStatus_TASK_SCHEDULED, ScheduleTime: timestamppb.New(explainedAt)},
		},
	})
	f.cluster.put(f.cluster.Core(DefaultTenant, "greet"), keys.In(DefaultTenant).TaskWorkerGroup("greet"), &lhpb.TaskWorkerGroup{
		TaskWorkers: map[string]*lhpb.TaskWorkerMetadata{
			"old": {TaskWorkerId: "old", LatestHeartbeat: timestamppb.New(explainedAt)},
			"new": {TaskWorkerId: "new", LatestHeartbeat: timestamppb.New(explainedAt.Add(time.Second))},
		},
	})
	wait := func(tasks int) *extra.TaskWait {
		t.Helper()
		for n := range tasks {
			row := keys.ScheduledTask{Tenant: DefaultTenant, TaskDef: "greet", ScheduledNs: explainedAt.UnixNano() + int64(n%2*2-1), WfRun: fmt.Sprint(n), Guid: "0-1"}
			f.cluster.put(f.cluster.Streams()[n/2%3], row.Key(), &pb.Empty{})
		}
		return f.explain(t, &extra.ExplainWfRunRequest{WfRunId: &lhpb.WfRunId{Id: "w"}}).Threads[0].GetTask()
	}
	got := wait(12)
	if !proto.Equal(got.Ahead, &extra.BoundedCount{Count: 6}) {
		t.Errorf("%v are ahead of it", got.Ahead)
	}
	if got.LastError != "TASK_FAILURE: no" || got.Attempt != 2 || got.TotalAttempts != 2 || len(got.Workers) != 2 || got.Workers[0].TaskWorkerId != "new" {
		t.Errorf("%v", got)
	}
	if got := wait(2 * (maxAhead + 1)); !proto.Equal(got.Ahead, &extra.BoundedCount{Count: maxAhead, More: true}) {
		t.Errorf("%v are ahead of it", got.Ahead)
	}
}

func TestExplanationCostsWhatItShows(t *testing.T) {
	f := newFace(t)
	nodes := make([]*lhpb.NodeRun, 3*explainedRows)
	for i := range nodes {
		nodes[i] = &lhpb.NodeRun{NodeType: &lhpb.NodeRun_WaitForCondition{WaitForCondition: &lhpb.WaitForConditionRun{}}}
	}
	run := f.storeWaiting("w", nodes...)
	home := f.cluster.Core(DefaultTenant, "w")
	for n := range int32(2 * explainedRows) { // a long row of ThreadRuns that have nothing to say
		f.cluster.put(home, run.ThreadRun(n), &lhpb.ThreadRun{Number: n, Status: lhpb.LHStatus_COMPLETED})
	}
	limit := int32(10)
	req := &extra.ExplainWfRunRequest{WfRunId: &lhpb.WfRunId{Id: "w"}, Limit: &limit}
	next := int32(2 * explainedRows)
	for {
		before := f.cluster.read
		got := f.explain(t, req)
		if cost := f.cluster.read - before; cost > explainedRows+30 {
			t.Fatalf("a page reads %d rows", cost)
		}
		for _, thread := range got.Threads {
			if thread.Number != next || thread.GetCondition() == nil {
				t.Fatalf("%v comes where %d should", thread, next)
			}
			next++
		}
		if got.Bookmark == nil {
			break
		}
		req.Bookmark = got.Bookmark
	}
	if next != 3*explainedRows {
		t.Errorf("the pages end before %d", next)
	}
}

func TestExplanationOfEveryWait(t *testing.T) {
	f := newFace(t)
	due := timestamppb.New(explainedAt)
	key := "secret"
	run := f.storeWaiting("w",
		&lhpb.NodeRun{NodeType: &lhpb.NodeRun_ExternalEvent{ExternalEvent: &lhpb.ExternalEventNodeRun{
			ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "paid"}, CorrelationKey: &key, MaskCorrelationKey: true,
		}}},
		&lhpb.NodeRun{NodeType: &lhpb.NodeRun_Sleep{Sleep: &lhpb.SleepNodeRun{MaturationTime: due}}},
		&lhpb.NodeRun{NodeType: &lhpb.NodeRun_WaitForThreads{WaitForThreads: &lhpb.WaitForThreadsRun{Threads: []*lhpb.WaitForThreadsRun_WaitForThread{
			{ThreadRunNumber: 1, WaitingStatus: lhpb.WaitForThreadsRun_THREAD_COMPLETED_OR_FAILURE_HANDLED}, {ThreadRunNumber: 2},
		}}}},
		&lhpb.NodeRun{NodeType: &lhpb.NodeRun_WaitForChildWf{WaitForChildWf: &lhpb.WaitForChildWfNodeRun{
			ChildWfRunId: &lhpb.WfRunId{Id: "kid", ParentWfRunId: &lhpb.WfRunId{Id: "w"}},
		}}},
		&lhpb.NodeRun{NodeType: &lhpb.NodeRun_UserTask{UserTask: &lhpb.UserTaskNodeRun{UserTaskRunId: &lhpb.UserTaskRunId{UserTaskGuid: "4-1"}}}},
	)
	home := f.cluster.Core(DefaultTenant, "w")
	kid := &lhpb.WfRunId{Id: "kid", ParentWfRunId: &lhpb.WfRunId{Id: "w"}}
	f.cluster.put(home, keys.In(DefaultTenant).Run(kid).WfRun(), &pb.WfRunRow{WfRun: &lhpb.WfRun{Id: kid, Status: lhpb.LHStatus_HALTED}})
	user := "ana"
	f.cluster.put(home, run.UserTaskRun("4-1"), &lhpb.UserTaskRun{UserId: &user, Status: lhpb.UserTaskRunStatus_ASSIGNED})
	for _, timer := range []keys.Timer{
		{Kind: keys.TimerEventTimeout, ID: "w/0/1", Tenant: DefaultTenant},
		{Kind: keys.TimerEventTimeout, ID: "w/0/1", Tenant: "bank"},
		{Kind: keys.TimerEventTimeout, ID: "w2/0/1", Tenant: DefaultTenant},
		{Kind: keys.TimerUserTask, ID: "w/4/1/0/2", Tenant: DefaultTenant},
		{Kind: keys.TimerRetention, ID: "w/4/1", Tenant: DefaultTenant},
	} {
		timer.DueNs = explainedAt.UnixNano()
		f.cluster.put(home, timer.Key(), &pb.Timer{})
	}
	got := f.explain(t, &extra.ExplainWfRunRequest{WfRunId: &lhpb.WfRunId{Id: "w"}})
	if len(got.Threads) != 5 || got.TimersIncomplete || got.Bookmark != nil || got.QueuedThreadRunCount != 1 {
		t.Fatalf("%v", got)
	}
	timers := func(kind extra.TimerKind) []*extra.PendingTimer { return []*extra.PendingTimer{{Kind: kind, Due: due}} }
	hidden := f.explain(t, &extra.ExplainWfRunRequest{WfRunId: &lhpb.WfRunId{Id: "w"}}).Threads[0].GetExternalEvent().GetCorrelationKey()
	for i, want := range []*extra.ThreadExplanation{
		{Timers: timers(extra.TimerKind_TIMER_KIND_EVENT_TIMEOUT), WaitsFor: &extra.ThreadExplanation_ExternalEvent{ExternalEvent: &extra.EventWait{
			ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "paid"}, CorrelationKey: &hidden,
		}}},
		{Timers: timers(extra.TimerKind_TIMER_KIND_SLEEP), WaitsFor: &extra.ThreadExplanation_Sleep{Sleep: &extra.SleepWait{MaturationTime: due}}},
		{WaitsFor: &extra.ThreadExplanation_Threads{Threads: &extra.ThreadsWait{Open: []*lhpb.WaitForThreadsRun_WaitForThread{
			{ThreadRunNumber: 2, ThreadStatus: lhpb.LHStatus_RUNNING},
		}}}},
		{WaitsFor: &extra.ThreadExplanation_ChildWfRun{ChildWfRun: &extra.ChildWait{WfRunId: kid, Status: lhpb.LHStatus_HALTED.Enum()}}},
		{Timers: timers(extra.TimerKind_TIMER_KIND_USER_TASK_ACTION), WaitsFor: &extra.ThreadExplanation_UserTask{UserTask: &extra.UserTaskWait{
			UserId: &user, Status: lhpb.UserTaskRunStatus_ASSIGNED,
		}}},
	} {
		want.Number, want.Position, want.Status = int32(i), 1, lhpb.LHStatus_RUNNING
		if !proto.Equal(got.Threads[i], want) {
			t.Errorf("got  %v\nwant %v", got.Threads[i], want)
		}
	}
	if hidden == key {
		t.Error("a masked correlation key is shown")
	}
}

// What has failed waits for nothing: only what went wrong with its task is told, and no queue is looked at.
func TestExplanationOfFailures(t *testing.T) {
	f := newFace(t)
	task := taskNode("0-1")
	event := &lhpb.NodeRun{NodeType: &lhpb.NodeRun_ExternalEvent{ExternalEvent: &lhpb.ExternalEventNodeRun{}}}
	for _, n := range []*lhpb.NodeRun{task, event} {
		n.Status, n.Failures = lhpb.LHStatus_ERROR, []*lhpb.Failure{{FailureName: "TIMEOUT"}}
	}
	run := f.storeWaiting("w", task, event)
	f.cluster.put(f.cluster.Core(DefaultTenant, "w"), run.TaskRun("0-1"), &lhpb.TaskRun{
		TaskDefId: &lhpb.TaskDefId{Name: "greet"}, Status: lhpb.TaskStatus_TASK_TIMEOUT,
		Attempts: []*lhpb.TaskAttempt{{Status: lhpb.TaskStatus_TASK_TIMEOUT, TaskWorkerId: "gone"}},
	})
	f.cluster.put(f.cluster.Core(DefaultTenant, "greet"), keys.In(DefaultTenant).TaskWorkerGroup("greet"), &lhpb.TaskWorkerGroup{
		TaskWorkers: map[string]*lhpb.TaskWorkerMetadata{"w": {TaskWorkerId: "w"}},
	})
	got := f.explain(t, &extra.ExplainWfRunRequest{WfRunId: &lhpb.WfRunId{Id: "w"}}).Threads
	if wait := got[0].GetTask(); wait.GetStatus() != lhpb.TaskStatus_TASK_TIMEOUT || wait.TaskWorkerId != "gone" || wait.Ahead != nil || len(wait.Workers) > 0 {
		t.Errorf("a failed task: %v", got[0])
	}
	if got[1].WaitsFor != nil || len(got[1].Failures) != 1 {
		t.Errorf("a failed wait: %v", got[1])
	}
}

// An EXIT waits for the children that go on, wherever they are noted; so many are looked at, and no more.
func TestExplanationOfAnExit(t *testing.T) {
	f := newFace(t)
	exit := func() *lhpb.NodeRun { return &lhpb.NodeRun{NodeType: &lhpb.NodeRun_Exit{Exit: &lhpb.ExitRun{}}} }
	run := f.storeWaiting("w", exit(), exit())
	home := f.cluster.Core(DefaultTenant, "w")
	child := func(of, number int32, status lhpb.LHStatus, halted ...*lhpb.ThreadHaltReason) {
		f.cluster.put(home, run.Kin(of, number), &pb.Kin{Child: true})
		f.cluster.put(home, run.ThreadRun(number), &lhpb.ThreadRun{Number: number, Status: status, HaltReasons: halted})
	}
	f.cluster.put(home, run.ThreadRun(2), &lhpb.ThreadRun{Number: 2, Status: lhpb.LHStatus_STARTING})
	f.cluster.put(home, run.ThreadRun(0), &lhpb.ThreadRun{
		Number: 0, Status: lhpb.LHStatus_RUNNING, CurrentNodePosition: 1, ChildThreadIds: []int32{2},
	})
	child(0, 3, lhpb.LHStatus_ERROR)
	child(0, 4, lhpb.LHStatus_RUNNING)
	child(0, 5, lhpb.LHStatus_HALTED, &lhpb.ThreadHaltReason{Reason: &lhpb.ThreadHaltReason_ManualHalt{ManualHalt: &lhpb.ManualHalt{}}})
	child(0, 6, lhpb.LHStatus_HALTED, &lhpb.ThreadHaltReason{Reason: &lhpb.ThreadHaltReason_Interrupted{Interrupted: &lhpb.Interrupted{}}})
	f.cluster.put(home, run.Kin(0, 7), &pb.Kin{Handled: true}) // no child
	f.cluster.put(home, run.Kin(0, 8), &pb.Kin{Child: true})   // archived
	limit := int32(1)
	first := f.explain(t, &extra.ExplainWfRunRequest{WfRunId: &lhpb.WfRunId{Id: "w"}, Limit: &limit}).Threads[0]
	want := &extra.ThreadsWait{Open: []*lhpb.WaitForThreadsRun_WaitForThread{
		{ThreadRunNumber: 2, ThreadStatus: lhpb.LHStatus_STARTING},
		{ThreadRunNumber: 4, ThreadStatus: lhpb.LHStatus_RUNNING},
		{ThreadRunNumber: 6, ThreadStatus: lhpb.LHStatus_HALTED},
	}}
	if !proto.Equal(first.GetThreads(), want) {
		t.Errorf("got  %v\nwant %v", first.GetThreads(), want)
	}

	for number := range int32(3 * explainedRows) {
		child(1, 100+number, lhpb.LHStatus_COMPLETED)
	}
	before := f.cluster.read
	second := f.explain(t, &extra.ExplainWfRunRequest{WfRunId: &lhpb.WfRunId{Id: "w"}}).Threads[1]
	if wait := second.GetThreads(); len(wait.GetOpen()) > 0 || !wait.GetMore() {
		t.Errorf("children that were not looked at: %v", second)
	}
	if cost := f.cluster.read - before; cost > 3*explainedRows+50 {
		t.Errorf("a page reads %d rows", cost)
	}
}

func TestExplanationsStayInTheirTenant(t *testing.T) {
	f := newFace(t)
	f.storeWaiting("w", taskNode("0-1"))
	client := extra.NewExtraServiceClient(f.conn)
	bank := metadata.AppendToOutgoingContext(t.Context(), "tenantid", "bank")
	_, err := client.ExplainWfRun(bank, &extra.ExplainWfRunRequest{WfRunId: &lhpb.WfRunId{Id: "w"}})
	wantStatus(t, err, codes.NotFound)
	_, err = client.ExplainWfRun(t.Context(), &extra.ExplainWfRunRequest{WfRunId: &lhpb.WfRunId{Id: "a/b"}})
	wantStatus(t, err, codes.NotFound)
	_, err = client.ExplainWfRun(t.Context(), &extra.ExplainWfRunRequest{})
	wantStatus(t, err, codes.InvalidArgument, "wf_run_id")
	if n := isLimited("ExplainWfRun"); n {
		t.Error("a read counts against Quotas")
	}
}
