package api

import (
	"cmp"
	"context"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/taskqueue"
	"littlehorse/lhpb"
)

// PollTask hands out tasks on a stream, one for each request. It ends with the token with which it was opened.
func (s *Service) PollTask(stream lhpb.LittleHorse_PollTaskServer) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	c := callOf(ctx)
	terms := taskqueue.Terms{Over: s.watch(ctx, c, judgeEvery)}
	if c.out.backlog != nil {
		terms.Room = c.out.backlog
	}
	return s.cfg.Queues.Poll(ctx, c.tenant, &polls{LittleHorse_PollTaskServer: stream, call: c}, terms)
}

// watch tells when the caller's credential ends or is taken back; it asks again every so often.
func (s *Service) watch(ctx context.Context, c *call, every time.Duration) <-chan error {
	if c.expires.IsZero() {
		return nil
	}
	over := make(chan error, 1)
	go func() {
		for {
			left := c.expires.Sub(s.now())
			select {
			case <-time.After(min(left, every)):
			case <-ctx.Done():
				return
			}
			_, refused := c.listener.Authenticator.Authenticate(ctx)
			switch {
			case refused != nil && refused.Code == lh.Unauthenticated:
				over <- refused
				return
			case left <= every:
				over <- lh.Errorf(lh.Unauthenticated, "Token is not active")
				return
			}
		}
	}()
	return over
}

// ReportTask ends an attempt. It answers after the report is applied. A worker that waits for the task that
// follows may get it in the same step; that does not depend on whether the reporter still listens.
func (s *Service) ReportTask(ctx context.Context, req *lhpb.ReportTaskRun) (*emptypb.Empty, error) {
	c := callOf(ctx)
	to, rec, ok := s.recordOf(c, req.GetTaskRunId().GetWfRunId())
	if !ok {
		return nil, noSuchTaskRun(req.TaskRunId)
	}
	offer := s.cfg.Queues.BeginReport(c.tenant, req.TaskRunId)
	rec.Command = &pb.Record_ReportTask{ReportTask: &pb.ReportTask{Report: req, Offer: offer.Credit(), Oversized: c.shortened}}
	_, err := s.cfg.Routing.SubmitThen(ctx, to, rec, func(r machine.Reply) {
		task, _ := r.Value.(*lhpb.ScheduledTask)
		s.endOffer(ctx, offer, task)
	})
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// endOffer hands the task to the worker whose credit was offered; nil if it was not used.
func (s *Service) endOffer(ctx context.Context, offer *taskqueue.Offer, task *lhpb.ScheduledTask) {
	offer.End(task)
	if task != nil {
		s.cfg.Traces.HandedOut(ctx, task.GetTaskDefId().GetName(), offer.Credit().GetWorkerId())
	}
}

// PutCheckpoint stores what a task has reached, and says whether it should go on.
func (s *Service) PutCheckpoint(ctx context.Context, req *lhpb.PutCheckpointRequest) (*lhpb.PutCheckpointResponse, error) {
	to, rec, err := s.runRecord(ctx, req.GetTaskRunId().GetWfRunId(), noSuchTaskRun(req.TaskRunId))
	if err != nil {
		return nil, err
	}
	rec.Command = &pb.Record_PutCheckpoint{PutCheckpoint: req}
	return submit[*lhpb.PutCheckpointResponse](ctx, s, to, rec)
}

func noSuchTaskRun(id *lhpb.TaskRunId) *lh.Error {
	return lh.Errorf(lh.InvalidArgument, "Couldn't find TaskRun %s/%s", boundedRunID(id.GetWfRunId()), id.GetTaskGuid())
}

// boundedRunID is the text of an id that may be nonsense.
func boundedRunID(id *lhpb.WfRunId) string {
	if lh.WfRunIDDepth(id) > lh.MaxWfRunDepth {
		return "of too many ancestors"
	}
	return lh.WfRunIDString(id)
}

// RegisterTaskWorker is a worker's heartbeat; the answer says which servers it should poll.
func (s *Service) RegisterTaskWorker(ctx context.Context, req *lhpb.RegisterTaskWorkerRequest) (*lhpb.RegisterTaskWorkerResponse, error) {
	c := callOf(ctx)
	switch {
	case req.GetTaskDefId().GetName() == "":
		return nil, lh.Errorf(lh.InvalidArgument, "Missing required argument 'task_def_id'")
	case !cleanID(req.TaskWorkerId):
		return nil, lh.Errorf(lh.InvalidArgument, "'task_worker_id' must not be empty and cannot contain '/', '~' or control characters")
	case c.listener.Advertised == nil:
		return nil, lh.Errorf(lh.InvalidArgument, "Unknown listener name %s. Check LHS_ADVERTISED_LISTENERS on LH Server.", c.listener.Name)
	}
	rec := s.record(c)
	rec.Command = &pb.Record_RegisterTaskWorker{RegisterTaskWorker: &pb.RegisterTaskWorker{Request: req, Servers: s.cfg.InternalHosts()}}
	worker, err := submit[*lhpb.TaskWorkerMetadata](ctx, s, s.cfg.Routing.Core(c.tenant, req.TaskDefId.Name), rec)
	if e := lh.AsError(err); e != nil && e.Code == lh.Unavailable {
		unhealthy := false
		return &lhpb.RegisterTaskWorkerResponse{IsClusterHealthy: &unhealthy}, nil
	}
	if err != nil {
		return nil, err
	}
	out := &lhpb.RegisterTaskWorkerResponse{}
	for _, internal := range worker.Hosts {
		if at := s.cfg.Advertised(internal, c.listener.Name); at != nil {
			out.YourHosts = append(out.YourHosts, at)
		}
	}
	return out, nil
}

// GetTaskWorkerGroup reads the workers of a TaskDef.
func (s *Service) GetTaskWorkerGroup(ctx context.Context, id *lhpb.TaskDefId) (*lhpb.TaskWorkerGroup, error) {
	tenant := callOf(ctx).tenant
	g, err := get[lhpb.TaskWorkerGroup](ctx, s, s.cfg.Routing.Core(tenant, id.Name), keys.In(tenant).TaskWorkerGroup(id.Name))
	switch {
	case err != nil:
		return nil, err
	case g == nil:
		return nil, notFound()
	default:
		return g, nil
	}
}

// GetTaskRun reads one TaskRun.
func (s *Service) GetTaskRun(ctx context.Context, id *lhpb.TaskRunId) (*lhpb.TaskRun, error) {
	t, err := getRun[lhpb.TaskRun](ctx, s, id.WfRunId, func(r keys.Run) keys.Key { return r.TaskRun(id.TaskGuid) })
	if err == nil && machine.HasInputsApart(t) {
		t, err = s.wholeTaskRun(ctx, id)
	}
	if err != nil {
		return nil, err
	}
	maskTaskRun(t)
	return t, nil
}

// wholeTaskRun reads a TaskRun whose row leaves out inputs, at one moment.
func (s *Service) wholeTaskRun(ctx context.Context, id *lhpb.TaskRunId) (t *lhpb.TaskRun, err error) {
	tenant := callOf(ctx).tenant
	run := keys.In(tenant).Run(id.WfRunId)
	err = s.cfg.Routing.View(ctx, s.homeOf(tenant, id.WfRunId), func(v cluster.View) error {
		t, err = viewed[lhpb.TaskRun](v, run.TaskRun(id.TaskGuid))
		if err != nil || t == nil {
			return err
		}
		_, err = complete(v, run, t)
		return err
	})
	if err == nil && t == nil {
		err = notFound()
	}
	return t, err
}

// complete gives a TaskRun the inputs that its row leaves out, and says how many bytes they have.
func complete(v cluster.View, run keys.Run, t *lhpb.TaskRun) (more int, err error) {
	if !machine.HasInputsApart(t) {
		return 0, nil
	}
	rows := &viewedGetter{view: v}
	row := t.SizeVT()
	t.InputVariables = machine.Inputs(rows, run, t)
	return t.SizeVT() - row, rows.err
}

// viewedGetter is a View as machine.Getter. It keeps the first error.
type viewedGetter struct {
	view cluster.View
	err  error
}

// Get implements machine.Getter.
func (g *viewedGetter) Get(k keys.Key, empty func() machine.Value) machine.Value {
	b, err := g.view.Get(k)
	if err == nil && b != nil {
		row := empty()
		if err = decodeInto(row, b); err == nil {
			return row
		}
	}
	g.err = cmp.Or(g.err, err)
	return nil
}

// GetCheckpoint reads one Checkpoint of a TaskRun.
func (s *Service) GetCheckpoint(ctx context.Context, id *lhpb.CheckpointId) (*lhpb.Checkpoint, error) {
	task := id.GetTaskRun()
	c, err := getRun[lhpb.Checkpoint](ctx, s, task.GetWfRunId(), func(r keys.Run) keys.Key {
		return r.Checkpoint(task.GetTaskGuid(), id.CheckpointNumber)
	})
	if err != nil {
		return nil, err
	}
	c.Value = seen(c.Value)
	return c, nil
}

// ListTaskRuns gives the TaskRuns of a WfRun, reminders of user tasks included, in the order of their nodes.
func (s *Service) ListTaskRuns(ctx context.Context, req *lhpb.ListTaskRunsRequest) (*lhpb.TaskRunList, error) {
	c := callOf(ctx)
	p, run, err := s.listing(c, "ListTaskRuns", req, req.Limit, req.WfRunId)
	if err != nil || run == nil {
		return &lhpb.TaskRunList{}, err
	}
	prefix := run.Kind(keys.KindTaskRun)
	var out []*lhpb.TaskRun
	var bookmark []byte
	err = s.cfg.Routing.View(ctx, s.homeOf(c.tenant, req.WfRunId), func(v cluster.View) error {
		out, bookmark, err = listWhole(v.Scan, prefix, prefix.End(), p, func(t *lhpb.TaskRun) (int, error) { return complete(v, *run, t) })
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, t := range out {
		maskTaskRun(t)
	}
	return &lhpb.TaskRunList{Results: out, Bookmark: bookmark}, nil
}

// SearchTaskRun finds TaskRuns of a TaskDef.
func (s *Service) SearchTaskRun(ctx context.Context, req *lhpb.SearchTaskRunRequest) (*lhpb.TaskRunIdList, error) {
	c := callOf(ctx)
	p, refused := pageOf(c, "SearchTaskRun", req, req.Limit)
	if refused != nil {
		return nil, refused
	}
	out := &lhpb.TaskRunIdList{}
	if req.TaskDefName == "" {
		return out, nil
	}
	status := oneOrAny((*int32)(req.Status))
	open := req.Status != nil && openTask(*req.Status)
	if open {
		status.n = keys.OpenTask
	}
	tasks := ofIndex(spanOf(req.EarliestStart, req.LatestStart), keys.In(c.tenant).Tag(keys.TagTaskRun).Text(req.TaskDefName), status)
	if open {
		tasks.keep = taskHasStatus(c.tenant, *req.Status)
	}
	hits, bookmark, err := s.search(ctx, tasks, p)
	if err != nil {
		return nil, err
	}
	for _, h := range hits {
		out.Results = append(out.Results, &lhpb.TaskRunId{WfRunId: lh.ParseWfRunID(h.id.WfRun), TaskGuid: h.id.Guid})
	}
	out.Bookmark = bookmark
	return out, nil
}

// openTask reports whether the status is one of those that the index does not tell apart.
func openTask(s lhpb.TaskStatus) bool {
	switch s {
	case lhpb.TaskStatus_TASK_SCHEDULED, lhpb.TaskStatus_TASK_RUNNING, lhpb.TaskStatus_TASK_PENDING:
		return true
	default:
		return false
	}
}

func taskHasStatus(tenant string, want lhpb.TaskStatus) func(*reading, hit) (bool, error) {
	return func(r *reading, h hit) (bool, error) {
		t, err := viewed[lhpb.TaskRun](r.view, keys.In(tenant).RunNamed(h.id.WfRun).TaskRun(h.id.Guid))
		return t.GetStatus() == want && t != nil, err
	}
}
