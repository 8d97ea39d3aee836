package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/server"
	"littlehorse/lhpb"
)

// connection is what carries calls.
type connection interface {
	grpc.ClientConnInterface
	Close() error
}

// client is a connection with what tests need of it.
type client struct {
	lhpb.LittleHorseClient
	t    *testing.T
	ctx  context.Context
	conn connection
	// health is the address of the health port of a server inside the test.
	health string
	// listener gives the addresses of such a server.
	listener func(name string) string
	// timeout of the tasks of a taskFlow, in seconds: a test that loses tasks has it short.
	timeout int32
}

// patience bounds what a test waits for. It is for hangs alone: nothing that works takes so long on any machine.
const patience = 5 * time.Minute

// inProcess starts a server inside the test.
func inProcess(t *testing.T, change ...func(*server.Config)) *client {
	t.Helper()
	s, stop := start(t, change...)
	t.Cleanup(stop) // after the connections: who does not read holds a server up
	return connected(t, s)
}

// connected is a client of a server inside the test.
func connected(t *testing.T, s *server.Server) *client {
	t.Helper()
	c := dial(t, s.Addr("PLAIN"))
	c.health, c.listener = s.HealthAddr(), s.Addr
	return c
}

// start starts a server inside the test, which stop ends.
func start(t *testing.T, change ...func(*server.Config)) (s *server.Server, stop func()) {
	t.Helper()
	cfg := server.DefaultConfig()
	cfg.StateDir = t.TempDir()
	cfg.Partitions = 2
	cfg.BindHost = "127.0.0.1"
	cfg.Listeners[0].Port, cfg.Health.Port, cfg.Dashboard.Port = 0, 0, 0
	cfg.StoreMemoryBytes = 16 << 20
	cfg.ShutdownTimeout = 10 * time.Second
	for _, f := range change {
		f(&cfg)
	}
	s, err := server.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s, func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	}
}

func dial(t *testing.T, address string) *client {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return &client{LittleHorseClient: lhpb.NewLittleHorseClient(conn), t: t, ctx: ctx, conn: conn, timeout: 60}
}

// as is the same client for a tenant.
func (c *client) as(tenant string) *client {
	other := *c
	other.ctx = metadata.AppendToOutgoingContext(c.ctx, "tenantid", tenant)
	return &other
}

func must[T any](v T, err error) func(*client) T {
	return func(c *client) T {
		c.t.Helper()
		if err != nil {
			c.t.Fatal(err)
		}
		return v
	}
}

func (c *client) refused(err error, code codes.Code, words ...string) {
	c.t.Helper()
	if status.Code(err) != code {
		c.t.Errorf("got %v, want %s", err, code)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			c.t.Errorf("%v does not say %q", err, w)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func str(s string) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: s}}
}

func strType() *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: lhpb.VariableType_STR}}
}

// taskDef registers a TaskDef that takes and gives a STR.
func (c *client) taskDef(name string) *lhpb.TaskDef {
	c.t.Helper()
	return must(c.PutTaskDef(c.ctx, &lhpb.PutTaskDefRequest{
		Name:       name,
		InputVars:  []*lhpb.VariableDef{{Name: "name", TypeDef: strType()}},
		ReturnType: &lhpb.ReturnType{ReturnType: strType()},
	}))(c)
}

func edge(to string) []*lhpb.Edge { return []*lhpb.Edge{{SinkNodeName: to}} }

// taskFlow registers a WfSpec with a searchable STR variable and the tasks one after the other.
func (c *client) taskFlow(name string, tasks ...string) *lhpb.WfSpec {
	c.t.Helper()
	nodes := map[string]*lhpb.Node{}
	var names []string
	names = append(names, "0-entrypoint-ENTRYPOINT")
	for i, task := range tasks {
		names = append(names, fmt.Sprintf("%d-%s-TASK", i+1, task))
	}
	names = append(names, fmt.Sprintf("%d-exit-EXIT", len(tasks)+1))
	nodes[names[0]] = &lhpb.Node{OutgoingEdges: edge(names[1]), Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}}
	for i, task := range tasks {
		nodes[names[i+1]] = &lhpb.Node{OutgoingEdges: edge(names[i+2]), Node: &lhpb.Node_Task{Task: &lhpb.TaskNode{
			TaskToExecute:  &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: task}},
			TimeoutSeconds: c.timeout, Retries: 3,
			Variables: []*lhpb.VariableAssignment{{Source: &lhpb.VariableAssignment_VariableName{VariableName: "name"}}},
		}}}
	}
	nodes[names[len(names)-1]] = &lhpb.Node{Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}}
	return must(c.PutWfSpec(c.ctx, &lhpb.PutWfSpecRequest{
		Name: name, EntrypointThreadName: "entrypoint",
		ThreadSpecs: map[string]*lhpb.ThreadSpec{"entrypoint": {
			Nodes: nodes,
			VariableDefs: []*lhpb.ThreadVarDef{{
				VarDef: &lhpb.VariableDef{Name: "name", TypeDef: strType()}, Searchable: true, AccessLevel: lhpb.WfRunVariableAccessLevel_PRIVATE_VAR,
			}},
		}},
	}))(c)
}

func (c *client) run(wfSpec, id, name string) *lhpb.WfRun {
	c.t.Helper()
	return insist(c, func() (*lhpb.WfRun, error) {
		return c.RunWf(c.ctx, &lhpb.RunWfRequest{
			WfSpecName: wfSpec, Id: &id, Variables: map[string]*lhpb.VariableValue{"name": str(name)},
		})
	})
}

// insist calls again while a server has too much to do, as one has on a machine that is slow for other reasons.
func insist[T any](c *client, call func() (T, error)) T {
	c.t.Helper()
	for {
		v, err := call()
		if status.Code(err) != codes.ResourceExhausted || c.ctx.Err() != nil {
			return must(v, err)(c)
		}
	}
}

// worker polls a TaskDef until the test ends and reports what f makes of each task.
func (c *client) worker(taskDef string, f func(*lhpb.ScheduledTask) *lhpb.VariableValue) {
	c.t.Helper()
	stream := must(c.PollTask(c.ctx))(c)
	poll := &lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: taskDef}, ClientId: "worker-1"}
	if err := stream.Send(poll); err != nil {
		c.t.Fatal(err)
	}
	go func() {
		for {
			got, err := stream.Recv()
			if err != nil {
				return
			}
			_ = stream.Send(poll)
			if got.Result == nil {
				continue
			}
			_, _ = c.ReportTask(c.ctx, report(got.Result, f(got.Result)))
		}
	}()
}

func report(t *lhpb.ScheduledTask, output *lhpb.VariableValue) *lhpb.ReportTaskRun {
	return &lhpb.ReportTaskRun{
		TaskRunId: t.TaskRunId, AttemptNumber: t.AttemptNumber, Time: timestamppb.Now(),
		Status: lhpb.TaskStatus_TASK_SUCCESS, Result: &lhpb.ReportTaskRun_Output{Output: output},
	}
}

func greet(t *lhpb.ScheduledTask) *lhpb.VariableValue {
	return str("hello " + t.Variables[0].Value.GetStr())
}

// ends waits until the WfRun is in a terminal status and gives it.
func (c *client) ends(id string) *lhpb.WfRun {
	c.t.Helper()
	for {
		w := must(c.GetWfRun(c.ctx, &lhpb.WfRunId{Id: id}))(c)
		switch w.Status {
		case lhpb.LHStatus_COMPLETED, lhpb.LHStatus_ERROR, lhpb.LHStatus_EXCEPTION:
			return w
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-c.ctx.Done():
			c.t.Fatalf("WfRun %s stays %s", id, w.Status)
		}
	}
}
