package e2e

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
)

var (
	attackRequests = flag.Int("attack.requests", 2500, "random requests of TestRandomRequestsNeverBreakTheServer")
	attackSeed     = flag.Uint64("attack.seed", 1, "their seed")
)

// Requests of all kinds, random but with names that exist and graphs that look valid: no answer says that the
// server is at fault, none takes long, nothing panics, and an ordinary WfRun ends in between and after a restart.
func TestRandomRequestsNeverBreakTheServer(t *testing.T) {
	s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=2")
	s.Start(t)
	t.Cleanup(func() {
		s.Kill()
		if out := s.Output(); strings.Contains(out, "panic") {
			t.Errorf("the server panicked:\n%s", out)
		}
	})
	a := attackOn(t, s.API)
	for n := range *attackRequests {
		a.strike()
		if n%100 == 99 {
			a.define()
		}
		if n%1000 == 999 {
			a.ordinary(fmt.Sprint("ordinary-", n))
		}
	}
	a.ordinary("ordinary-last")
	if a.started == 0 || a.accepted == 0 {
		t.Errorf("only %d WfSpecs were accepted and %d WfRuns started", a.accepted, a.started)
	}
	t.Logf("%d WfSpecs accepted, %d WfRuns started; codes %v", a.accepted, a.started, a.codes)
	a.stop()
	s.Kill()

	s.Start(t)
	after := attackOn(t, s.API)
	after.ordinary("ordinary-restarted")
	after.stop()
	s.Stop(t)
}

// attack is one client that sends random requests.
type attack struct {
	*client
	r                 *rand.Rand
	served            []protoreflect.MethodDescriptor
	running           sync.WaitGroup
	cancel            context.CancelFunc
	accepted, started int
	codes             map[codes.Code]int
}

const (
	attackTasks = 3
	attackNames = 6
	attackRuns  = 100
	slowAnswer  = time.Minute
)

// attackOn makes what the random requests refer to, and starts workers that report random results.
func attackOn(t *testing.T, address string) *attack {
	t.Helper()
	conn := dial(t, address)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	conn.ctx = ctx
	a := &attack{client: conn, r: rand.New(rand.NewPCG(*attackSeed, 7)), cancel: cancel, codes: map[codes.Code]int{}}
	for _, m := range methods() {
		if err := a.call(m, newMessage(t, m.Input())); status.Code(err) != codes.Unimplemented && !m.IsStreamingClient() {
			a.served = append(a.served, m)
		}
	}
	must(a.PutTenant(ctx, &lhpb.PutTenantRequest{Id: "other"}))(a.client)
	a.taskDef("ordinary")
	a.taskFlow("ordinary", "ordinary")
	a.worker("ordinary", greet)
	a.define()
	for i := range attackTasks {
		a.randomWorker(fmt.Sprint("t", i), *attackSeed+uint64(i))
	}
	return a
}

// define makes the definitions that random requests now and then delete, or make with another type.
func (a *attack) define() {
	there := func(err error) {
		a.t.Helper()
		if err != nil && status.Code(err) != codes.AlreadyExists {
			a.t.Fatal(err)
		}
	}
	for i := range attackTasks {
		_, err := a.PutTaskDef(a.ctx, &lhpb.PutTaskDefRequest{
			Name:       fmt.Sprint("t", i),
			InputVars:  []*lhpb.VariableDef{{Name: "x", TypeDef: strType()}}[:min(i, 1)],
			ReturnType: &lhpb.ReturnType{ReturnType: taskOutput(i)},
		})
		there(err)
		_, err = a.PutExternalEventDef(a.ctx, &lhpb.PutExternalEventDefRequest{
			Name: fmt.Sprint("e", i), ContentType: &lhpb.ReturnType{ReturnType: taskOutput(i)},
		})
		there(err)
		_, err = a.PutWorkflowEventDef(a.ctx, &lhpb.PutWorkflowEventDefRequest{
			Name: fmt.Sprint("w", i), ContentType: &lhpb.ReturnType{ReturnType: taskOutput(i)},
		})
		there(err)
	}
}

func taskOutput(i int) *lhpb.TypeDefinition {
	return primitive([]lhpb.VariableType{lhpb.VariableType_JSON_OBJ, lhpb.VariableType_STR, lhpb.VariableType_INT}[i%3])
}

func primitive(t lhpb.VariableType) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: t}}
}

func (a *attack) stop() {
	a.cancel()
	a.running.Wait()
	_ = a.conn.Close()
}

// ordinary runs a WfRun that must end well, whatever else is there.
func (a *attack) ordinary(id string) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.ctx, slowAnswer)
	defer cancel()
	c := *a.client
	c.ctx = ctx
	c.run("ordinary", id, "Ana")
	if w := c.ends(id); w.Status != lhpb.LHStatus_COMPLETED {
		a.t.Errorf("the WfRun %s is %s", id, w.Status)
	}
}

// randomWorker reports anything at all.
func (a *attack) randomWorker(taskDef string, seed uint64) {
	a.t.Helper()
	stream := must(a.PollTask(a.ctx))(a.client)
	poll := &lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: taskDef}, ClientId: "random"}
	if err := stream.Send(poll); err != nil {
		a.t.Fatal(err)
	}
	g := generator{rand.New(rand.NewPCG(seed, 8))}
	a.running.Go(func() {
		for {
			got, err := stream.Recv()
			if err != nil {
				return
			}
			_ = stream.Send(poll)
			for _, r := range g.reports(got.Result) {
				_, err := a.ReportTask(a.ctx, r)
				a.judge("ReportTask", r, err)
			}
		}
	})
}

// reports are the answers of a worker: right, wrong, twice, or none.
func (g generator) reports(t *lhpb.ScheduledTask) (out []*lhpb.ReportTaskRun) {
	if t == nil {
		return nil
	}
	for range []int{1, 1, 1, 1, 1, 2, 0}[g.r.IntN(7)] {
		r := report(t, g.value(2))
		switch g.r.IntN(8) {
		case 0:
			r.Status, r.Result = lhpb.TaskStatus_TASK_FAILED, &lhpb.ReportTaskRun_Error{Error: &lhpb.LHTaskError{Message: g.word()}}
		case 1:
			r.Status, r.Result = lhpb.TaskStatus_TASK_EXCEPTION, &lhpb.ReportTaskRun_Exception{Exception: &lhpb.LHTaskException{Name: g.word(), Content: g.value(1)}}
		case 2:
			r.Status = lhpb.TaskStatus(g.r.IntN(11))
		case 3:
			r.AttemptNumber += int32(g.r.IntN(3) - 1)
			r.TotalCheckpoints = int32(g.r.IntN(3) - 1)
		}
		out = append(out, r)
	}
	return out
}

// strike sends one random request.
func (a *attack) strike() {
	g := generator{a.r}
	ctx := a.ctx
	if g.r.IntN(20) == 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, "tenantid", []string{"other", "nobody", "", "default"}[g.r.IntN(4)])
	}
	switch g.r.IntN(10) {
	case 0, 1, 2:
		req := g.wfSpec()
		_, err := a.PutWfSpec(ctx, req)
		a.judge("PutWfSpec", req, err)
		if err == nil {
			a.accepted++
			a.start(ctx, g, req)
		}
	case 3, 4:
		a.start(ctx, g, &lhpb.PutWfSpecRequest{Name: g.name("f", attackNames)})
	case 5:
		req := &lhpb.PutExternalEventRequest{
			WfRunId: g.wfRunID(0), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: g.name("e", attackTasks)}, Content: g.value(2),
		}
		_, err := a.PutExternalEvent(ctx, req)
		a.judge("PutExternalEvent", req, err)
	default:
		m := a.served[g.r.IntN(len(a.served))]
		req := newMessage(a.t, m.Input())
		g.fill(req.ProtoReflect(), 6)
		if g.r.IntN(3) == 0 {
			a.raw(ctx, g, m, req)
			return
		}
		a.invoke(ctx, m, req)
	}
}

func (a *attack) start(ctx context.Context, g generator, w *lhpb.PutWfSpecRequest) {
	id := g.name("r", attackRuns)
	req := &lhpb.RunWfRequest{WfSpecName: w.Name, Id: &id, Variables: map[string]*lhpb.VariableValue{}}
	for _, v := range w.ThreadSpecs[w.EntrypointThreadName].GetVariableDefs() {
		if g.r.IntN(3) > 0 {
			req.Variables[v.VarDef.Name] = g.valueOf(v.VarDef.TypeDef, 2)
		}
	}
	if g.r.IntN(5) == 0 {
		req.ParentWfRunId = g.wfRunID(1)
	}
	if g.r.IntN(3) == 0 {
		req.Id = nil
	}
	_, err := a.RunWf(ctx, req)
	a.judge("RunWf", req, err)
	if err == nil {
		a.started++
	}
}

func (a *attack) invoke(ctx context.Context, m protoreflect.MethodDescriptor, req any, opts ...grpc.CallOption) {
	patience := slowAnswer
	if m.Name() == "AwaitWorkflowEvent" {
		patience = 20 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := a.conn.Invoke(ctx, fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name()), req, newMessage(a.t, m.Output()), opts...)
	if patience < slowAnswer && status.Code(err) == codes.DeadlineExceeded {
		return
	}
	a.judge(string(m.Name()), req, err)
}

// raw sends the bytes of a message with some of them changed.
func (a *attack) raw(ctx context.Context, g generator, m protoreflect.MethodDescriptor, req proto.Message) {
	b, err := proto.Marshal(req)
	if err != nil {
		a.t.Fatal(err)
	}
	for range g.r.IntN(4) {
		if len(b) == 0 {
			break
		}
		switch i := g.r.IntN(len(b)); g.r.IntN(3) {
		case 0:
			b[i] = byte(g.r.Uint32())
		case 1:
			b = b[:i]
		default:
			b = append(b[:i], append([]byte{byte(g.r.Uint32())}, b[i:]...)...)
		}
	}
	a.invoke(ctx, m, b, grpc.ForceCodec(rawCodec{}))
}

// judge fails the test if an answer says that the server is at fault.
func (a *attack) judge(rpc string, req any, err error) {
	if a.ctx.Err() != nil {
		return
	}
	code := status.Code(err)
	switch code {
	case codes.Internal, codes.Unknown, codes.DataLoss, codes.Aborted, codes.Unavailable, codes.DeadlineExceeded:
		a.t.Errorf("%s: %v\n%.20000v", rpc, err, req)
	}
	if rpc != "ReportTask" {
		a.codes[code]++
	}
}

// generator makes things at random.
type generator struct{ r *rand.Rand }

var oddWords = []string{
	"", "x", "-", "a-b", "a/b", "a_b", "..", "$", "$.x", "$.a[0].b", "$..*", "$[?(@.x>1)]", "{0}", "{", "{1} {0} {99}", "ä", "日本語", "\x00", "\u202e",
	"a\nb", "null", "true", "1", "-1", "1e400", "NaN", "{}", "[]", `{"a":{"b":[1,2,{"c":null}]}}`, `[1,"a",null,[[]]]`, `{"a":`, `"`, "0-1", "1-2-3",
	"default", "other", "entry", "handler", "my-failure", "VAR_SUB_ERROR", "2024-01-01T00:00:00Z", "P1D", "PT0.1S", "parent", "INPUT", "s", "n", "o",
	strings.Repeat("x", 300), strings.Repeat("9", 400), strings.Repeat("[", 2000),
}

func (g generator) word() string { return oddWords[g.r.IntN(len(oddWords))] }

// name is one of n names with the prefix.
func (g generator) name(prefix string, n int) string { return fmt.Sprint(prefix, g.r.IntN(n)) }

// anyName is a word, or a name that may exist.
func (g generator) anyName() string {
	switch g.r.IntN(4) {
	case 0:
		return g.word()
	case 1:
		return g.name("r", attackRuns)
	case 2:
		return g.name([]string{"t", "e", "w"}[g.r.IntN(3)], attackTasks)
	default:
		return g.name("f", attackNames)
	}
}

func (g generator) wfRunID(depth int) *lhpb.WfRunId {
	id := &lhpb.WfRunId{Id: g.name("r", attackRuns)}
	if depth > 0 && g.r.IntN(2) == 0 {
		id.ParentWfRunId = g.wfRunID(depth - 1)
	}
	return id
}

var integers = []int64{0, 0, 1, 1, 2, 3, -1, -2, 7, 100, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64}

func (g generator) integer() int64 { return integers[g.r.IntN(len(integers))] }

// fill sets fields of a message at random; names are often those of things that exist.
func (g generator) fill(m protoreflect.Message, depth int) {
	if id, ok := m.Interface().(*lhpb.WfRunId); ok && g.r.IntN(4) > 0 {
		proto.Merge(id, g.wfRunID(1))
		return
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if g.r.IntN(3) == 0 || (f.Message() != nil && depth == 0) {
			continue
		}
		switch {
		case f.IsMap():
			entries := m.Mutable(f).Map()
			v := entries.NewValue()
			if f.MapValue().Message() != nil {
				g.fill(v.Message(), depth-1)
			} else {
				v = g.scalar(f.MapValue())
			}
			entries.Set(g.scalar(f.MapKey()).MapKey(), v)
		case f.IsList():
			list := m.Mutable(f).List()
			for range g.r.IntN(3) {
				if f.Message() != nil {
					g.fill(list.AppendMutable().Message(), depth-1)
				} else {
					list.Append(g.scalar(f))
				}
			}
		case f.Message() != nil:
			g.fill(m.Mutable(f).Message(), depth-1)
		default:
			m.Set(f, g.scalar(f))
		}
	}
}

func (g generator) scalar(f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(g.r.IntN(2) == 0)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(g.r.IntN(f.Enum().Values().Len()+2) - 1))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(g.integer()))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(g.integer())
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(g.double())
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(g.double()))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(g.word()))
	default:
		return protoreflect.ValueOfString(g.anyName())
	}
}

func (g generator) double() float64 {
	return []float64{0, 1, -1, 0.5, 1e18, -1e18, 1e300, math.NaN(), math.Inf(1), math.Inf(-1), math.SmallestNonzeroFloat64, math.Copysign(0, -1)}[g.r.IntN(12)]
}
