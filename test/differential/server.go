package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// server is a connection to the original or to ours.
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

// claim takes tasks of a TaskDef until it has n of the WfRuns that are wanted.
func (s *server) claim(ctx context.Context, c claims, wanted func(*lhpb.WfRunId) bool) ([]*lhpb.ScheduledTask, error) {
	p, err := s.poll(ctx, c.TaskDef)
	if err != nil {
		return nil, err
	}
	var out []*lhpb.ScheduledTask
	for len(out) < c.Count {
		if err := p.stream.Send(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: c.TaskDef}, ClientId: "differential"}); err != nil {
			s.close(c.TaskDef)
			return out, err
		}
		select {
		case t, ok := <-p.tasks:
			if !ok {
				s.close(c.TaskDef)
				return out, errors.New("the poll stream ended")
			}
			if wanted(t.TaskRunId.WfRunId) {
				out = append(out, t)
			}
		case <-time.After(6 * time.Second):
			s.close(c.TaskDef)
			return out, fmt.Errorf("no task of %s arrived", c.TaskDef)
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

// state is all that can be read of the WfRuns of a history and their child WfRuns.
type state struct {
	Runs       []*run
	Correlated []*lhpb.CorrelatedEvent
}

// run is one WfRun with its parts, each list in the order of the ids. A deleted one has none.
type run struct {
	WfRun     *lhpb.WfRun
	Nodes     []*lhpb.NodeRun
	Variables []*lhpb.Variable
	Tasks     []*lhpb.TaskRun
	UserTasks []*lhpb.UserTaskRun
	Events    []*lhpb.ExternalEvent
	Thrown    []*lhpb.WorkflowEvent
	Archived  []*lhpb.InactiveThreadRun
}

// read follows the trees of WfRuns from their roots.
func (s *server) read(ctx context.Context, w watched) (*state, error) {
	out := &state{}
	todo := slices.Clone(w.roots)
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
	for _, id := range w.keys {
		e, err := s.GetCorrelatedEvent(ctx, id)
		if err != nil && status.Code(err) != codes.NotFound {
			return nil, err
		}
		if err == nil {
			slices.SortFunc(e.ExternalEvents, func(a, b *lhpb.ExternalEventId) int { return strings.Compare(a.WfRunId.GetId(), b.WfRunId.GetId()) })
			out.Correlated = append(out.Correlated, e)
		}
	}
	return out, nil
}

const page = int32(200)

func (s *server) readRun(ctx context.Context, id *lhpb.WfRunId) (*run, error) {
	w, err := s.GetWfRun(ctx, id)
	if status.Code(err) == codes.NotFound {
		return &run{}, nil
	}
	if err != nil {
		return nil, err
	}
	r := &run{WfRun: w}
	if r.Nodes, err = pages(func(b []byte) (*lhpb.NodeRunList, error) {
		return s.ListNodeRuns(ctx, &lhpb.ListNodeRunsRequest{WfRunId: id, Limit: proto.Int32(page), Bookmark: b})
	}); err != nil {
		return nil, err
	}
	slices.SortFunc(r.Nodes, func(a, b *lhpb.NodeRun) int {
		return int(a.Id.ThreadRunNumber-b.Id.ThreadRunNumber)*10000 + int(a.Id.Position-b.Id.Position)
	})
	if r.Variables, err = pages(func(b []byte) (*lhpb.VariableList, error) {
		return s.ListVariables(ctx, &lhpb.ListVariablesRequest{WfRunId: id, Limit: proto.Int32(page), Bookmark: b})
	}); err != nil {
		return nil, err
	}
	if r.Tasks, err = pages(func(b []byte) (*lhpb.TaskRunList, error) {
		return s.ListTaskRuns(ctx, &lhpb.ListTaskRunsRequest{WfRunId: id, Limit: proto.Int32(page), Bookmark: b})
	}); err != nil {
		return nil, err
	}
	if r.UserTasks, err = pages(func(b []byte) (*lhpb.UserTaskRunList, error) {
		return s.ListUserTaskRuns(ctx, &lhpb.ListUserTaskRunRequest{WfRunId: id, Limit: proto.Int32(page), Bookmark: b})
	}); err != nil && status.Code(err) != codes.Unimplemented {
		return nil, err
	}
	if r.Events, err = pages(func(b []byte) (*lhpb.ExternalEventList, error) {
		return s.ListExternalEvents(ctx, &lhpb.ListExternalEventsRequest{WfRunId: id, Limit: proto.Int32(page), Bookmark: b})
	}); err != nil {
		return nil, err
	}
	if r.Thrown, err = pages(func(b []byte) (*lhpb.WorkflowEventList, error) {
		return s.ListWorkflowEvents(ctx, &lhpb.ListWorkflowEventsRequest{WfRunId: id, Limit: proto.Int32(page), Bookmark: b})
	}); err != nil {
		return nil, err
	}
	if err := s.readArchived(ctx, r); err != nil {
		return nil, err
	}
	sortByID(r.Variables)
	sortByID(r.Tasks)
	sortByID(r.UserTasks)
	sortByID(r.Events)
	sortByID(r.Thrown)
	return r, nil
}

// readArchived asks for the threads that are missing in the WfRun.
func (s *server) readArchived(ctx context.Context, r *run) error {
	present := map[int32]bool{}
	for _, t := range r.WfRun.ThreadRuns {
		present[t.Number] = true
	}
	for n := range r.WfRun.GreatestThreadrunNumber + 1 {
		if present[n] {
			continue
		}
		t, err := s.GetInactiveThreadRun(ctx, &lhpb.InactiveThreadRunId{WfRunId: r.WfRun.Id, ThreadRunNumber: n})
		if err != nil && status.Code(err) != codes.NotFound {
			return err
		}
		if err == nil {
			r.Archived = append(r.Archived, t)
		}
	}
	return nil
}

// pages reads all pages of a list.
func pages[T any, L interface {
	GetResults() []T
	GetBookmark() []byte
}](next func([]byte) (L, error)) ([]T, error) {
	var out []T
	var bookmark []byte
	for {
		l, err := next(bookmark)
		if err != nil {
			return nil, err
		}
		out = append(out, l.GetResults()...)
		if bookmark = l.GetBookmark(); len(bookmark) == 0 {
			return out, nil
		}
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

// json is the state as lists of objects.
func (s *state) json() any {
	runs := []any{}
	for _, r := range s.Runs {
		o := map[string]any{}
		if r.WfRun != nil {
			o["wfRun"] = []any{jsonValue(r.WfRun)}
		}
		for name, l := range map[string][]any{
			"nodeRuns": jsonOf(r.Nodes), "variables": jsonOf(r.Variables), "taskRuns": jsonOf(r.Tasks),
			"userTaskRuns": jsonOf(r.UserTasks), "externalEvents": jsonOf(r.Events), "workflowEvents": jsonOf(r.Thrown),
			"archived": jsonOf(r.Archived),
		} {
			if len(l) > 0 {
				o[name] = l
			}
		}
		runs = append(runs, o)
	}
	out := map[string]any{"runs": runs}
	if len(s.Correlated) > 0 {
		out["zcorrelated"] = jsonOf(s.Correlated)
	}
	return out
}

// String is the state in short: a line for each thread and each NodeRun.
func (s *state) String() string {
	if s == nil {
		return ""
	}
	var b strings.Builder
	for _, r := range s.Runs {
		if r.WfRun == nil {
			fmt.Fprintln(&b, "    deleted")
			continue
		}
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
