package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// server is one of the two servers under comparison.
type server struct {
	lhpb.LittleHorseClient
	conn  *grpc.ClientConn
	polls map[string]*poll
}

// poll is a stream of one TaskDef.
type poll struct {
	stream grpc.BidiStreamingClient[lhpb.PollTaskRequest, lhpb.PollTaskResponse]
	tasks  chan *lhpb.ScheduledTask
	cancel context.CancelFunc
}

func dial(address string) (*server, error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return &server{LittleHorseClient: lhpb.NewLittleHorseClient(conn), conn: conn, polls: map[string]*poll{}}, nil
}

// define registers what the workflows of a slot use.
func (s *server) define(ctx context.Context, n names) error {
	for _, k := range taskKinds {
		req := &lhpb.PutTaskDefRequest{Name: n.task(k.name), ReturnType: &lhpb.ReturnType{ReturnType: k.output}}
		for i, in := range k.inputs {
			req.InputVars = append(req.InputVars, &lhpb.VariableDef{Name: fmt.Sprintf("in%d", i), TypeDef: primitive(in)})
		}
		if _, err := s.PutTaskDef(ctx, req); err != nil {
			return err
		}
	}
	text := &lhpb.ReturnType{ReturnType: primitive(lhpb.VariableType_STR)}
	for _, def := range []string{eventAny, interruptA, interruptB, nudge} {
		if _, err := s.PutExternalEventDef(ctx, &lhpb.PutExternalEventDefRequest{Name: def}); err != nil {
			return err
		}
	}
	if _, err := s.PutExternalEventDef(ctx, &lhpb.PutExternalEventDefRequest{Name: eventText, ContentType: text}); err != nil {
		return err
	}
	_, err := s.PutWorkflowEventDef(ctx, &lhpb.PutWorkflowEventDefRequest{Name: thrownEvent, ContentType: text})
	return err
}

// claim takes tasks of a TaskDef until it has n of the WfRuns that are wanted.
func (s *server) claim(ctx context.Context, def string, n int, wanted func(*lhpb.WfRunId) bool) ([]*lhpb.ScheduledTask, error) {
	p, err := s.poll(ctx, def)
	if err != nil {
		return nil, err
	}
	var out []*lhpb.ScheduledTask
	for len(out) < n {
		if err := p.stream.Send(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: def}, ClientId: "differential"}); err != nil {
			s.close(def)
			return out, err
		}
		select {
		case t, ok := <-p.tasks:
			if !ok {
				s.close(def)
				return out, errors.New("the poll stream ended")
			}
			if wanted(t.TaskRunId.WfRunId) {
				out = append(out, t)
			}
		case <-time.After(4 * time.Second):
			s.close(def)
			return out, fmt.Errorf("no task of %s arrived", def)
		}
	}
	return out, nil
}

func (s *server) poll(ctx context.Context, def string) (*poll, error) {
	if p := s.polls[def]; p != nil {
		return p, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	stream, err := s.PollTask(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	p := &poll{stream: stream, tasks: make(chan *lhpb.ScheduledTask), cancel: cancel}
	go func() {
		defer close(p.tasks)
		for {
			r, err := stream.Recv()
			if err != nil {
				return
			}
			if r.Result == nil {
				continue
			}
			select {
			case p.tasks <- r.Result:
			case <-ctx.Done():
				return
			}
		}
	}()
	s.polls[def] = p
	return p, nil
}

func (s *server) close(def string) {
	s.polls[def].cancel()
	delete(s.polls, def)
}

// state is all that can be read of a WfRun and its child WfRuns.
type state struct {
	Runs []*run
}

// run is one WfRun with its parts, each list in the order of the ids.
type run struct {
	WfRun     *lhpb.WfRun
	Nodes     []*lhpb.NodeRun
	Variables []*lhpb.Variable
	Tasks     []*lhpb.TaskRun
	Events    []*lhpb.ExternalEvent
	Thrown    []*lhpb.WorkflowEvent
}

// read follows the tree of WfRuns from the root.
func (s *server) read(ctx context.Context, id *lhpb.WfRunId) (*state, error) {
	out := &state{}
	todo := []*lhpb.WfRunId{id}
	for len(todo) > 0 {
		r, err := s.readRun(ctx, todo[0])
		if err != nil {
			return nil, err
		}
		out.Runs = append(out.Runs, r)
		todo = todo[1:]
		for _, n := range r.Nodes {
			if c := n.GetRunChildWf().GetChildWfRunId(); c != nil {
				todo = append(todo, c)
			}
		}
	}
	return out, nil
}

const page = int32(200)

func (s *server) readRun(ctx context.Context, id *lhpb.WfRunId) (*run, error) {
	w, err := s.GetWfRun(ctx, id)
	if err != nil {
		return nil, err
	}
	r := &run{WfRun: w}
	r.Nodes, err = all(func(b []byte) ([]*lhpb.NodeRun, []byte, error) {
		l, err := s.ListNodeRuns(ctx, &lhpb.ListNodeRunsRequest{WfRunId: id, Limit: proto.Int32(page), Bookmark: b})
		return l.GetResults(), l.GetBookmark(), err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(r.Nodes, func(a, b *lhpb.NodeRun) int {
		return int(a.Id.ThreadRunNumber-b.Id.ThreadRunNumber)*1000 + int(a.Id.Position-b.Id.Position)
	})
	vars, err := s.ListVariables(ctx, &lhpb.ListVariablesRequest{WfRunId: id, Limit: proto.Int32(page)})
	if err != nil {
		return nil, err
	}
	tasks, err := s.ListTaskRuns(ctx, &lhpb.ListTaskRunsRequest{WfRunId: id, Limit: proto.Int32(page)})
	if err != nil {
		return nil, err
	}
	events, err := s.ListExternalEvents(ctx, &lhpb.ListExternalEventsRequest{WfRunId: id, Limit: proto.Int32(page)})
	if err != nil {
		return nil, err
	}
	thrown, err := s.ListWorkflowEvents(ctx, &lhpb.ListWorkflowEventsRequest{WfRunId: id, Limit: proto.Int32(page)})
	if err != nil {
		return nil, err
	}
	r.Variables, r.Tasks, r.Events, r.Thrown = vars.Results, tasks.Results, events.Results, thrown.Results
	sortByID(r.Variables)
	sortByID(r.Tasks)
	sortByID(r.Events)
	sortByID(r.Thrown)
	return r, nil
}

func all[T any](next func([]byte) ([]T, []byte, error)) ([]T, error) {
	var out []T
	var bookmark []byte
	for {
		l, b, err := next(bookmark)
		if err != nil {
			return nil, err
		}
		out = append(out, l...)
		if len(b) == 0 {
			return out, nil
		}
		bookmark = b
	}
}

// sortByID orders by the ids' text, which no part of them spoils: generated ids appear only in the parent.
func sortByID[T proto.Message](l []T) {
	key := func(m T) string {
		d := m.ProtoReflect()
		id := d.Get(d.Descriptor().Fields().ByName("id")).Message().Interface()
		b, err := protojson.Marshal(id)
		if err != nil {
			return err.Error()
		}
		return strings.ReplaceAll(string(b), " ", "")
	}
	slices.SortFunc(l, func(a, b T) int { return strings.Compare(key(a), key(b)) })
}

// normal is the state in comparable form.
func (s *state) normal() (any, error) {
	n := &normal{ids: map[string]string{}}
	var out []any
	for _, r := range s.Runs {
		o := map[string]any{}
		for name, l := range map[string][]any{
			"nodeRuns": jsonOf(r.Nodes), "variables": jsonOf(r.Variables), "taskRuns": jsonOf(r.Tasks),
			"externalEvents": jsonOf(r.Events), "workflowEvents": jsonOf(r.Thrown), "wfRun": jsonOf([]*lhpb.WfRun{r.WfRun}),
		} {
			o[name] = l
		}
		out = append(out, o)
	}
	return n.value("", out), nil
}

// String is the state in short: a line for each thread and each NodeRun.
func (s *state) String() string {
	if s == nil {
		return ""
	}
	var b strings.Builder
	for _, r := range s.Runs {
		fmt.Fprintf(&b, "    %s %s\n", r.WfRun.Id.Id, r.WfRun.Status)
		for _, t := range r.WfRun.ThreadRuns {
			fmt.Fprintf(&b, "      thread %d of %d %s %s %s at %d %v %s handled %v\n", t.Number, t.GetParentThreadId(), t.Type, t.ThreadSpecName, t.Status,
				t.CurrentNodePosition, t.HaltReasons, t.GetErrorMessage(), t.HandledFailedChildren)
		}
		for _, n := range r.Nodes {
			fmt.Fprintf(&b, "      %d/%d %s %s %v %v\n", n.Id.ThreadRunNumber, n.Id.Position, n.NodeName, n.Status, n.Failures, n.GetWaitForThreads())
		}
	}
	return b.String()
}

func jsonOf[T proto.Message](l []T) []any {
	var out []any
	for _, m := range l {
		out = append(out, jsonValue(m))
	}
	return out
}

func jsonValue(m proto.Message) any {
	b, err := protojson.Marshal(m)
	if err != nil {
		return err.Error()
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err.Error()
	}
	return v
}
