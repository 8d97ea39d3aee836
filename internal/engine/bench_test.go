package engine_test

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"littlehorse/internal/engine"
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// objects is a View that hands out what was put, as the cache of a lane does. Only rows beside the objects of a
// WfRun can be scanned: what the benchmarks do must not need to scan others.
type objects struct {
	rows   map[keys.Key]machine.Value
	beside []keys.Key // sorted
	reads  int        // of single rows
}

func newObjects() *objects { return &objects{rows: map[keys.Key]machine.Value{}} }

func (o *objects) Get(k keys.Key, _ func() machine.Value) machine.Value {
	o.reads++
	if v, ok := o.rows[k]; ok {
		return v
	}
	return nil
}

func (o *objects) Scan(from, to keys.Key, _ int, _ func() machine.Value) iter.Seq2[keys.Key, machine.Value] {
	if !isBeside(from) {
		panic(fmt.Sprintf("scan from %q", from))
	}
	return func(yield func(keys.Key, machine.Value) bool) {
		i, _ := slices.BinarySearch(o.beside, from)
		for ; i < len(o.beside) && o.beside[i] < to; i++ {
			if !yield(o.beside[i], o.rows[o.beside[i]]) {
				return
			}
		}
	}
}

func (o *objects) Err() error { return nil }

func isBeside(k keys.Key) bool {
	if k.Space() != keys.SpaceRun {
		return false
	}
	p, err := keys.ParseRun(k)
	return err == nil && (p.Kind == keys.KindWatch || p.Kind == keys.KindKin || p.Kind == keys.KindThreadRun)
}

func (o *objects) commit(changes []machine.Change) {
	for _, c := range changes {
		if isBeside(c.Key) {
			o.order(c)
		}
		if c.Value == nil {
			delete(o.rows, c.Key)
		} else {
			o.rows[c.Key] = c.Value
		}
	}
}

func (o *objects) order(c machine.Change) {
	switch i, is := slices.BinarySearch(o.beside, c.Key); {
	case c.Value == nil && is:
		o.beside = slices.Delete(o.beside, i, i+1)
	case c.Value != nil && !is:
		o.beside = slices.Insert(o.beside, i, c.Key)
	}
}

func (o *objects) clear() {
	clear(o.rows)
	o.beside = o.beside[:0]
}

const chainLength = 10

// chain is a WfSpec of tasks in a row; each output is assigned to a variable that the next task takes.
func chain(tb testing.TB) (*metadata, *lhpb.WfSpecId) {
	m := newMetadata()
	str := typeDef("STR")
	m.next().taskDefs["step"] = &lhpb.TaskDef{
		Id:         &lhpb.TaskDefId{Name: "step"},
		InputVars:  []*lhpb.VariableDef{{Name: "in", TypeDef: str}},
		ReturnType: &lhpb.ReturnType{ReturnType: str},
	}
	var text strings.Builder
	text.WriteString("thread main\n  var x STR\n")
	for i := range chainLength {
		next := fmt.Sprintf("t%d", i+1)
		if i == chainLength-1 {
			next = "exit"
		}
		fmt.Fprintf(&text, "  t%d: TASK step(x) timeout=60\n    -> %s { x = out(\"t%d\") }\n", i, next, i)
	}
	w, err := m.put(specScript("chain", text.String()))
	if err != nil {
		tb.Fatal(err)
	}
	return m, w.Id
}

type bench struct {
	engine *engine.Engine
	state  *objects
	meta   *metadata
	spec   *lhpb.WfSpecId
	number uint64
	atNs   int64
	last   machine.Effects
}

func (b *bench) apply(r *pb.Record) machine.Effects {
	b.number++
	b.atNs += 1000
	r.Header = &pb.Header{
		Source: "bench", Number: b.number, AtNs: b.atNs, Tenant: tenant, CatalogVersion: b.meta.version(),
		RequestId: binary.BigEndian.AppendUint64(make([]byte, 8, 16), b.number),
	}
	fx := b.engine.Apply(b.state, r)
	if fx.Reply.Err != nil {
		panic(fx.Reply.Err)
	}
	b.last = fx
	b.state.commit(fx.Changes)
	for _, next := range continues(fx) {
		b.apply(next)
	}
	return fx
}

func (b *bench) start(i int, offer *pb.Credit) *lhpb.WfRunId {
	id := fmt.Sprintf("run-%d", i)
	fx := b.apply(&pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
		WfSpecId: b.spec,
		Request:  &lhpb.RunWfRequest{WfSpecName: "chain", Id: &id, Variables: map[string]*lhpb.VariableValue{"x": hello}},
		Offer:    offer,
	}}})
	if _, used := fx.Reply.Value.(*pb.Started); used != (offer != nil) {
		panic("the offer was not used")
	}
	return &lhpb.WfRunId{Id: id}
}

var guids = func() (out []string) {
	for i := range chainLength {
		out = append(out, fmt.Sprintf("0-%d", i+1))
	}
	return out
}()

func (b *bench) claim(id *lhpb.WfRunId, step int) {
	fx := b.apply(&pb.Record{Command: &pb.Record_ClaimTask{ClaimTask: &pb.ClaimTask{
		TaskRunId: &lhpb.TaskRunId{WfRunId: id, TaskGuid: guids[step]}, Credit: credit,
	}}})
	if fx.Reply.Value == nil {
		panic("nothing to claim")
	}
}

var (
	credit = &pb.Credit{TaskDefId: &lhpb.TaskDefId{Name: "step"}, WorkerId: "worker-1", Incarnation: "one"}
	hello  = literal(`"hello"`)
	output = literal(`"a result of some length, as tasks give it"`)
)

func (b *bench) report(id *lhpb.WfRunId, step int, offer *pb.Credit) {
	fx := b.apply(&pb.Record{Command: &pb.Record_ReportTask{ReportTask: &pb.ReportTask{
		Offer: offer,
		Report: &lhpb.ReportTaskRun{
			TaskRunId: &lhpb.TaskRunId{WfRunId: id, TaskGuid: guids[step]},
			Status:    lhpb.TaskStatus_TASK_SUCCESS, Result: &lhpb.ReportTaskRun_Output{Output: output},
		},
	}}})
	if offer != nil && step < chainLength-1 && fx.Reply.Value == nil {
		panic("the offer was not used")
	}
}

func newBench(tb testing.TB) *bench {
	m, spec := chain(tb)
	return &bench{engine: engine.New(m, engine.DefaultConfig()), state: newObjects(), meta: m, spec: spec}
}

// forget keeps the state of a long benchmark small.
func (b *bench) forget(i int) {
	if i%1000 == 999 {
		b.state.clear()
	}
}

// BenchmarkWfRun is a WfRun of ten tasks: RunWf and ten times ClaimTask and ReportTask.
//
// holds: AThousandTaskRunsASecond
func BenchmarkWfRun(b *testing.B) {
	x := newBench(b)
	b.ReportAllocs()
	for i := range b.N {
		id := x.start(i, nil)
		for step := range chainLength {
			x.claim(id, step)
			x.report(id, step, nil)
		}
		x.forget(i)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*(2*chainLength+1)), "ns/record")
}

// BenchmarkWfRunOffered is the same with credits offered by the start and the reports: eleven records.
func BenchmarkWfRunOffered(b *testing.B) {
	x := newBench(b)
	b.ReportAllocs()
	for i := range b.N {
		id := x.start(i, credit)
		for step := range chainLength {
			x.report(id, step, credit)
		}
		x.forget(i)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*chainLength), "ns/task")
}

// BenchmarkFanOut is a WfRun of a thousand children that run a task each: the cost of one task among them.
func BenchmarkFanOut(b *testing.B) {
	const children = 1000
	m := newMetadata()
	m.next().taskDefs["step"] = &lhpb.TaskDef{Id: &lhpb.TaskDefId{Name: "step"}}
	w, err := m.put(specScript("fan", `
thread main
  var list JSON_ARR
  many: START_MANY child over list
  wait: WAIT_ALL list out("many")
thread child
  t: TASK step()
`))
	if err != nil {
		b.Fatal(err)
	}
	list := literal(fmt.Sprintf("json(%q)", "["+strings.Repeat("1,", children-1)+"1]"))
	x := &bench{engine: engine.New(m, engine.DefaultConfig()), meta: m, spec: w.Id, state: newObjects()}
	b.ReportAllocs()
	for i := range b.N {
		id := fmt.Sprintf("fan-%d", i)
		x.apply(&pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
			WfSpecId: w.Id,
			Request:  &lhpb.RunWfRequest{WfSpecName: "fan", Id: &id, Variables: map[string]*lhpb.VariableValue{"list": list}},
		}}})
		for n := range children {
			k := &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: id}, TaskGuid: fmt.Sprintf("%d-1", n+1)}
			x.apply(&pb.Record{Command: &pb.Record_ClaimTask{ClaimTask: &pb.ClaimTask{TaskRunId: k, Credit: credit}}})
			x.apply(&pb.Record{Command: &pb.Record_ReportTask{ReportTask: &pb.ReportTask{
				Report: &lhpb.ReportTaskRun{TaskRunId: k, Status: lhpb.TaskStatus_TASK_SUCCESS},
			}}})
		}
		x.state.clear()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*children), "ns/task")
}
