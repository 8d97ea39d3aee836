package api

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// storeApart stores TaskRuns of a WfRun whose inputs lie in rows of their own: one is the task's, one a Variable's, one such as the Variable had.
func (f *face) storeApart(id string, text string, guids ...string) keys.Run {
	wfRun := &lhpb.WfRunId{Id: id}
	home := f.cluster.Core(DefaultTenant, id)
	run := keys.In(DefaultTenant).Run(wfRun)
	lent := func(number int32) *pb.TaskInput {
		return &pb.TaskInput{From: &pb.TaskInput_Lent{Lent: &pb.LentValue{Name: "it", Number: number}}}
	}
	for _, guid := range guids {
		f.cluster.put(home, run.TaskRun(guid), &lhpb.TaskRun{
			Id: &lhpb.TaskRunId{WfRunId: wfRun, TaskGuid: guid},
			InputVariables: []*lhpb.VarNameAndVal{
				{VarName: "own"}, {VarName: "short", Value: strValue("s")}, {VarName: "now"}, {VarName: "before"}, {VarName: "secret", Masked: true},
			},
		})
		f.cluster.put(home, run.TaskInputs(guid), &pb.TaskInputs{Inputs: []*pb.TaskInput{
			{From: &pb.TaskInput_Value{Value: strValue(text)}}, lent(1), lent(0), lent(1),
		}})
	}
	f.cluster.put(home, run.Variable(0, "it"), &lhpb.Variable{Value: strValue("as it is")})
	f.cluster.put(home, run.Lent(0, "it"), &pb.Lent{Number: 1, Now: true})
	f.cluster.put(home, run.LentBefore(0, "it", 0), &pb.Lent{Value: strValue("as it was")})
	return run
}

func strValue(s string) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: s}}
}

func inputsOf(t *lhpb.TaskRun) string {
	var out []string
	for _, in := range t.InputVariables {
		out = append(out, in.VarName+"="+in.Value.GetStr())
	}
	return strings.Join(out, " ")
}

func TestInputsAreFoundWhereverTheyLie(t *testing.T) {
	f := newFace(t)
	f.storeApart("w", "mine", "0-1", "0-2")
	const want = "own=mine short=s now=as it is before=as it was secret=*****"
	id := &lhpb.WfRunId{Id: "w"}
	got, err := f.client.GetTaskRun(t.Context(), &lhpb.TaskRunId{WfRunId: id, TaskGuid: "0-1"})
	if err != nil || inputsOf(got) != want {
		t.Errorf("read as %q, %v", inputsOf(got), err)
	}
	list, err := f.client.ListTaskRuns(t.Context(), &lhpb.ListTaskRunsRequest{WfRunId: id})
	if err != nil || len(list.Results) != 2 {
		t.Fatalf("listed as %v, %v", list, err)
	}
	for _, task := range list.Results {
		if got := inputsOf(task); got != want {
			t.Errorf("%s is listed as %q", task.Id.TaskGuid, got)
		}
	}
}

// Between two reads a WfRun may be deleted.
func TestATaskRunThatGoesIsNotFound(t *testing.T) {
	f := newFace(t)
	run := f.storeApart("w", "mine", "0-1")
	home := f.cluster.Core(DefaultTenant, "w")
	f.cluster.viewing = func() { delete(f.cluster.rows[home], run.TaskRun("0-1")) }
	_, err := f.client.GetTaskRun(t.Context(), &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: "w"}, TaskGuid: "0-1"})
	if status.Code(err) != codes.NotFound {
		t.Errorf("it is answered with %v", err)
	}
}

// A page holds no more than it may, wherever the bytes come from.
func TestPagesCountInputsThatLieApart(t *testing.T) {
	f := newFace(t)
	guids := []string{"0-1", "0-2", "0-3", "0-4", "0-5", "0-6", "0-7"}
	f.storeApart("w", strings.Repeat("x", maxPageBytes/2), guids...)
	req, pages, found := &lhpb.ListTaskRunsRequest{WfRunId: &lhpb.WfRunId{Id: "w"}}, 0, 0
	for {
		list, err := f.client.ListTaskRuns(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Results) > 3 {
			t.Errorf("a page has %d TaskRuns of half a page each", len(list.Results))
		}
		pages, found = pages+1, found+len(list.Results)
		if req.Bookmark = list.Bookmark; req.Bookmark == nil {
			break
		}
	}
	if found != len(guids) || pages < 3 {
		t.Errorf("%d TaskRuns on %d pages", found, pages)
	}
}
