package server

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// putTasks puts a WfSpec that does a task so often.
func putTasks(t *testing.T, client lhpb.LittleHorseClient, spec string, tasks ...string) {
	t.Helper()
	nodes := map[string]*lhpb.Node{}
	next := func(to string) []*lhpb.Edge { return []*lhpb.Edge{{SinkNodeName: to}} }
	nodes["0"] = &lhpb.Node{Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}}
	last := nodes["0"]
	for n, task := range tasks {
		err := reached(func() error {
			_, err := client.PutTaskDef(t.Context(), &lhpb.PutTaskDefRequest{Name: task})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		name := strings.Repeat("t", n+1)
		last.OutgoingEdges = next(name)
		last = &lhpb.Node{Node: &lhpb.Node_Task{Task: &lhpb.TaskNode{
			TaskToExecute: &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: task}}, TimeoutSeconds: 3600,
		}}}
		nodes[name] = last
	}
	last.OutgoingEdges = next("exit")
	nodes["exit"] = &lhpb.Node{Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}}
	_, err := client.PutWfSpec(t.Context(), &lhpb.PutWfSpecRequest{
		Name: spec, EntrypointThreadName: "main", ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": {Nodes: nodes}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func runWf(t *testing.T, client lhpb.LittleHorseClient, spec, id string) {
	t.Helper()
	err := reached(func() error {
		_, err := client.RunWf(t.Context(), &lhpb.RunWfRequest{WfSpecName: spec, Id: &id})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// pollOne asks for one task and waits for it.
func pollOne(t *testing.T, client lhpb.LittleHorseClient, task string) *lhpb.ScheduledTask {
	t.Helper()
	stream := poll(t, client)
	return askFor(t, stream, task)
}

func poll(t *testing.T, client lhpb.LittleHorseClient) grpc.BidiStreamingClient[lhpb.PollTaskRequest, lhpb.PollTaskResponse] {
	t.Helper()
	stream, err := client.PollTask(t.Context(), grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func askFor(t *testing.T, stream grpc.BidiStreamingClient[lhpb.PollTaskRequest, lhpb.PollTaskResponse], task string) *lhpb.ScheduledTask {
	t.Helper()
	if err := stream.Send(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: task}, ClientId: "worker"}); err != nil {
		t.Fatal(err)
	}
	for {
		got, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if got.GetResult() != nil {
			return got.GetResult()
		}
	}
}

// onlyTask is the TaskRun of a run, which has no other.
func onlyTask(t *testing.T, client lhpb.LittleHorseClient, run string) *lhpb.TaskRun {
	t.Helper()
	all, err := client.ListTaskRuns(t.Context(), &lhpb.ListTaskRunsRequest{WfRunId: &lhpb.WfRunId{Id: run}})
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Results) != 1 || len(all.Results[0].Attempts) != 1 {
		t.Fatalf("run %s has not one attempt of one TaskRun: %v", run, all.Results)
	}
	return all.Results[0]
}

// TestClaimsAreNotHandedOutAgain lets a server with an empty disk come after one that has handed out a task: it reads the claim, and its own worker, who
// waits from the start, gets only what comes later.
//
// survives: 3 once
func TestClaimsAreNotHandedOutAgain(t *testing.T) {
	of := clusterConfig(t)
	config := func() Config { c := of(); c.Partitions = 1; return c }
	first := start(t, config())
	one := dial(t, first)
	putTasks(t, one, "spec", "task")
	runWf(t, one, "spec", "by-itself") // is claimed for whoever comes
	if got := pollOne(t, one, "task"); got.TaskRunId.WfRunId.Id != "by-itself" {
		t.Fatal(got)
	}
	stop(t, first)

	second := start(t, config())
	two := dial(t, second)
	stream := poll(t, two)
	runWf(t, two, "spec", "later")
	if got := askFor(t, stream, "task"); got.TaskRunId.WfRunId.Id != "later" {
		t.Errorf("a task of run %s is handed out", got.TaskRunId.WfRunId.Id)
	}
	if is := onlyTask(t, two, "by-itself").Status; is != lhpb.TaskStatus_TASK_RUNNING {
		t.Errorf("what was handed out before is %s", is)
	}
}

// TestClaimOfAFormerOwnerLeavesTheTask puts two claims into the commands, one of them of an epoch that has ended: its task stays in the queue.
//
// survives: 3 epoch
func TestClaimOfAFormerOwnerLeavesTheTask(t *testing.T) {
	of := clusterConfig(t)
	config := func() Config { c := of(); c.Partitions = 1; return c }
	first := start(t, config())
	putTasks(t, dial(t, first), "spec", "task")
	stop(t, first)
	c := config()
	second := start(t, c)
	two := dial(t, second)
	runWf(t, two, "spec", "late")
	runWf(t, two, "spec", "present")

	kafka, err := kgo.NewClient(kgo.SeedBrokers(c.Kafka.Brokers...), kgo.ConsumeTopics(c.ClusterID+"-core-cmd"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	var epoch uint64
	header := &pb.Header{}
	for seen := map[string]bool{}; !seen["present"]; {
		kafka.PollFetches(t.Context()).EachRecord(func(r *kgo.Record) {
			if len(r.Headers) > 0 {
				note := &pb.LogNote{}
				if err := note.UnmarshalVT(r.Value); err != nil {
					t.Fatal(err)
				}
				if o := note.GetOwner(); o != nil && o.After == epoch {
					epoch++
				}
				return
			}
			rec := &pb.Record{}
			if err := rec.UnmarshalVT(r.Value); err != nil {
				t.Fatal(err)
			}
			if run := rec.GetRunWf(); run != nil {
				seen[run.Request.GetId()], header = true, rec.Header
			}
		})
	}
	if epoch < 2 {
		t.Fatalf("the second owner has epoch %d", epoch)
	}
	for n, claim := range []struct {
		run   string
		epoch uint64
	}{{"late", epoch - 1}, {"present", epoch}} {
		h := proto.CloneOf(header)
		h.Source, h.Number, h.Epoch = "somebody", uint64(n+1), claim.epoch
		rec := &pb.Record{Header: h, Command: &pb.Record_ClaimTask{ClaimTask: &pb.ClaimTask{
			TaskRunId: onlyTask(t, two, claim.run).Id,
			Credit:    &pb.Credit{TaskDefId: &lhpb.TaskDefId{Name: "task"}, WorkerId: "somebody"},
		}}}
		value, err := rec.MarshalVT()
		if err == nil {
			err = kafka.ProduceSync(t.Context(), &kgo.Record{Topic: c.ClusterID + "-core-cmd", Value: value}).FirstErr()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for onlyTask(t, two, "present").Status != lhpb.TaskStatus_TASK_RUNNING {
		time.Sleep(time.Millisecond)
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
	if got := pollOne(t, two, "task"); got.TaskRunId.WfRunId.Id != "late" {
		t.Errorf("a task of run %s is handed out", got.TaskRunId.WfRunId.Id)
	}
}

// TestReplayReadsOldMetadata runs by definitions that are deleted then, and put anew otherwise. A server with an empty disk, which has heard of all that when
// it reads the first command, comes to the same; and so do those that begin with checkpoints.
//
// survives: 7 versions; 7 kept
func TestReplayReadsOldMetadata(t *testing.T) {
	of := clusterConfig(t)
	every := time.Hour
	config := func() Config { c := of(); c.Partitions, c.Kafka.CheckpointEvery = 1, every; return c }
	last := start(t, config())
	client := dial(t, last)
	putTasks(t, client, "spec", "one")
	runWf(t, client, "spec", "old")
	got := pollOne(t, client, "one")
	_, err := client.ReportTask(t.Context(), &lhpb.ReportTaskRun{
		TaskRunId: got.TaskRunId, AttemptNumber: got.AttemptNumber, Status: lhpb.TaskStatus_TASK_SUCCESS, Time: got.CreatedAt,
	})
	if err == nil {
		_, err = client.DeleteWfSpec(t.Context(), &lhpb.DeleteWfSpecRequest{Id: &lhpb.WfSpecId{Name: "spec"}})
	}
	if err == nil {
		_, err = client.DeleteTaskDef(t.Context(), &lhpb.DeleteTaskDefRequest{Id: &lhpb.TaskDefId{Name: "one"}})
	}
	if err != nil {
		t.Fatal(err)
	}
	putTasks(t, client, "spec", "two")
	runWf(t, client, "spec", "new")

	tell := func(client lhpb.LittleHorseClient) (told []proto.Message) {
		for _, id := range []string{"old", "new"} {
			run, err := client.GetWfRun(t.Context(), &lhpb.WfRunId{Id: id})
			if err != nil {
				t.Fatal(err)
			}
			told = append(told, run, onlyTask(t, client, id))
		}
		return told
	}
	want := tell(client)
	for _, every = range []time.Duration{time.Hour, time.Millisecond, time.Millisecond} {
		stop(t, last)
		last = start(t, config())
		client = dial(t, last)
		err := reached(func() error {
			_, err := client.GetWfRun(t.Context(), &lhpb.WfRunId{Id: "new"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for n, is := range tell(client) {
			if !proto.Equal(is, want[n]) {
				t.Errorf("it is %v, and was %v", is, want[n])
			}
		}
		for every == time.Millisecond && last.kafka.Checkpoints().Behind > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	if got := pollOne(t, client, "two"); got.TaskRunId.WfRunId.Id != "new" {
		t.Errorf("a task of run %s is left", got.TaskRunId.WfRunId.Id)
	}
}
