package engine_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"littlehorse/internal/engine"
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// metadata is a catalog in memory. A version never changes once it has been read.
type metadata struct{ versions []*definitions }

type definitions struct {
	wfSpecs    map[string][]*spec.Graph // oldest first
	taskDefs   map[string]*lhpb.TaskDef
	events     map[string]*lhpb.ExternalEventDef
	wfEvents   map[string]*lhpb.WorkflowEventDef
	userTasks  map[string]*lhpb.UserTaskDef
	structDefs map[string][]*lhpb.StructDef
	output     *lhpb.OutputTopicConfig
	plans      map[string]*lhpb.WorkflowMigrationPlan
}

func newMetadata() *metadata {
	return &metadata{versions: []*definitions{{
		wfSpecs: map[string][]*spec.Graph{}, taskDefs: map[string]*lhpb.TaskDef{}, events: map[string]*lhpb.ExternalEventDef{},
		wfEvents: map[string]*lhpb.WorkflowEventDef{}, userTasks: map[string]*lhpb.UserTaskDef{}, structDefs: map[string][]*lhpb.StructDef{},
		plans: map[string]*lhpb.WorkflowMigrationPlan{},
	}}}
}

func (m *metadata) version() uint64                          { return uint64(len(m.versions) - 1) }
func (m *metadata) latest() *definitions                     { return m.versions[len(m.versions)-1] }
func (m *metadata) At(version uint64, _ string) engine.Specs { return specs{m.versions[version]} }

// next is a new version, to be written to.
func (m *metadata) next() *definitions {
	d := m.latest()
	n := &definitions{
		wfSpecs: maps.Clone(d.wfSpecs), taskDefs: maps.Clone(d.taskDefs), events: maps.Clone(d.events),
		wfEvents: maps.Clone(d.wfEvents), userTasks: maps.Clone(d.userTasks), structDefs: maps.Clone(d.structDefs),
		plans: maps.Clone(d.plans),
	}
	n.output = d.output
	m.versions = append(m.versions, n)
	return n
}

// put stores a WfSpec as PutWfSpec would.
func (m *metadata) put(r *lhpb.PutWfSpecRequest) (*lhpb.WfSpec, error) {
	w, isNew, refusal := spec.Put(defs{m.latest()}, r, 0)
	if refusal != nil {
		return nil, refusal
	}
	if isNew {
		d := m.next()
		d.wfSpecs[r.Name] = append(slices.Clone(d.wfSpecs[r.Name]), spec.Compile(w))
	}
	return w, nil
}

func (d *definitions) TaskDef(name string) *lhpb.TaskDef                   { return d.taskDefs[name] }
func (d *definitions) ExternalEventDef(name string) *lhpb.ExternalEventDef { return d.events[name] }
func (d *definitions) WorkflowEventDef(name string) *lhpb.WorkflowEventDef { return d.wfEvents[name] }

func (d *definitions) WorkflowMigrationPlan(name string) *lhpb.WorkflowMigrationPlan {
	return d.plans[name]
}

func (d *definitions) UserTaskDef(name string, _ int32) *lhpb.UserTaskDef { return d.userTasks[name] }

func (d *definitions) StructDef(name string, version int32) *lhpb.StructDef {
	for _, s := range slices.Backward(d.structDefs[name]) {
		if version == spec.NewestVersion || s.Id.Version == version {
			return s
		}
	}
	return nil
}

func (d *definitions) graph(id *lhpb.WfSpecId) *spec.Graph {
	for _, g := range d.wfSpecs[id.GetName()] {
		if g.Spec.Id.MajorVersion == id.MajorVersion && g.Spec.Id.Revision == id.Revision {
			return g
		}
	}
	return nil
}

func (d *definitions) newest(name string, major int32) *spec.Graph {
	for _, g := range slices.Backward(d.wfSpecs[name]) {
		if major == spec.NewestVersion || g.Spec.Id.MajorVersion == major {
			return g
		}
	}
	return nil
}

// specs is a version as the engine reads it.
type specs struct{ *definitions }

func (s specs) Tenant() *lhpb.Tenant {
	return &lhpb.Tenant{Id: &lhpb.TenantId{Id: tenant}, OutputTopicConfig: s.output}
}

func (s specs) WfSpec(id *lhpb.WfSpecId) *spec.Graph { return s.graph(id) }
func (s specs) LatestWfSpec(name string, major int32) *spec.Graph {
	return s.newest(name, major)
}

// defs is a version as PutWfSpec reads it.
type defs struct{ *definitions }

func (d defs) WfSpec(id *lhpb.WfSpecId) *lhpb.WfSpec {
	if g := d.graph(id); g != nil {
		return g.Spec
	}
	return nil
}

func (d defs) LatestWfSpec(name string, major int32) *lhpb.WfSpec {
	if g := d.newest(name, major); g != nil {
		return g.Spec
	}
	return nil
}

const tenant = "default"

// world is a partition with its engine, a clock and the records so far.
type world struct {
	meta    *metadata
	engine  *engine.Engine
	config  engine.Config
	state   *sharedState
	nowNs   int64
	records []*pb.Record
	metrics []machine.Emit // for repartition streams
	// patient keeps records that go on with others back, until they are asked for.
	patient bool
	goingOn []*pb.Record
	flushes int // records that only send metrics on
	indexed int // how often the engine has read an index
	// each is told of every record after it was applied.
	each func(before map[keys.Key][]byte, r *pb.Record, fx machine.Effects)
}

func newWorld(c engine.Config) *world {
	w := &world{meta: newMetadata(), config: c, state: newSharedState()}
	w.engine = engine.New(w.meta, c)
	return w
}

func (w *world) header() *pb.Header {
	id := binary.BigEndian.AppendUint64(make([]byte, 8), uint64(w.commands()+1))
	return &pb.Header{
		Source: "test", Number: uint64(len(w.records) + 1), AtNs: w.nowNs, Tenant: tenant,
		CatalogVersion: w.meta.version(), RequestId: id,
	}
}

// do applies the record, and those it leads to at once.
func (w *world) do(r *pb.Record) machine.Effects {
	r.Header = w.header()
	fx := w.apply(r)
	for _, e := range fx.Emit {
		if e.To.Kind == machine.Repartition {
			w.metrics = append(w.metrics, e)
			continue
		}
		if e.To.Kind == machine.Metadata {
			continue
		}
		if w.patient && e.Record.GetContinue() != nil {
			w.goingOn = append(w.goingOn, e.Record)
			continue
		}
		e.Record.Header.AtNs = w.nowNs
		w.do(e.Record)
	}
	return fx
}

// goOn takes up the oldest of the records that were kept back.
func (w *world) goOn() {
	if len(w.goingOn) == 0 {
		return
	}
	r := w.goingOn[0]
	w.goingOn = w.goingOn[1:]
	w.do(r)
}

// commands is how many records there were beside those that only send metrics on, which most scripts do not show.
func (w *world) commands() int { return len(w.records) - w.flushes }

func (w *world) apply(r *pb.Record) machine.Effects {
	sent, err := r.MarshalVT()
	if err != nil {
		panic(err)
	}
	read := &pb.Record{}
	if err := read.UnmarshalVT(sent); err != nil {
		panic(err)
	}
	w.records = append(w.records, read)
	if flushes(keys.Key(r.GetTimerFired().GetKey())) {
		w.flushes++
	}
	indexed := w.state.indexed
	fx := w.engine.Apply(w.state, read)
	w.indexed += w.state.indexed - indexed
	if after, _ := read.MarshalVT(); !bytes.Equal(sent, after) {
		panic("the engine wrote to a record")
	}
	if fx.Reply.Value != nil {
		fx.Reply.Value = proto.Clone(fx.Reply.Value)
	}
	before := map[keys.Key][]byte{}
	for _, c := range fx.Changes {
		before[c.Key] = w.state.Bytes(c.Key)
	}
	w.state.Commit(fx.Changes)
	if w.each != nil {
		w.each(before, read, fx)
	}
	return fx
}

// advance moves the clock, firing each timer on the way when it is due.
func (w *world) advance(d time.Duration) {
	end := w.nowNs + d.Nanoseconds()
	for range 100_000 {
		k, due, ok := w.nextTimer()
		if !ok || due > end {
			break
		}
		w.nowNs = max(w.nowNs, due)
		w.do(&pb.Record{Command: &pb.Record_TimerFired{TimerFired: &pb.TimerFired{Key: []byte(k)}}})
	}
	w.nowNs = end
}

func (w *world) nextTimer() (keys.Key, int64, bool) {
	all := w.state.Keys()
	i, _ := slices.BinarySearch(all, keys.Timers())
	if i == len(all) || all[i].Space() != keys.SpaceTimer {
		return "", 0, false
	}
	due, err := keys.TimerDue(all[i])
	if err != nil {
		panic(err)
	}
	return all[i], due, true
}

// flushes tells the timers that send metrics on.
func flushes(k keys.Key) bool {
	t, err := keys.ParseTimer(k)
	return err == nil && t.Kind == keys.TimerFlushMetrics
}

// awaitsLost tells the timers that go on with work whose record was lost. Scripts lose none.
func awaitsLost(k keys.Key) bool {
	t, err := keys.ParseTimer(k)
	return err == nil && t.Kind == keys.TimerLost
}

// replay applies all records to an empty state and compares it with this one, byte for byte.
func (w *world) replay() error {
	w.state.mustAllBeUntouched()
	again := newSharedState()
	for _, r := range w.records {
		again.Commit(w.engine.Apply(again, r.CloneVT()).Changes)
	}
	return sameState(w.state, again)
}

func sameState(a, b *sharedState) error {
	if !slices.Equal(a.Keys(), b.Keys()) {
		return fmt.Errorf("%d keys and %d keys", len(a.Keys()), len(b.Keys()))
	}
	for _, k := range a.Keys() {
		if !bytes.Equal(a.Bytes(k), b.Bytes(k)) {
			return fmt.Errorf("key %q differs", k)
		}
	}
	return nil
}

func get[T any, P interface {
	*T
	machine.Value
}](w *world, k keys.Key) P {
	return machine.Get[T, P](w.state, k)
}

func run(id string) keys.Run { return keys.In(tenant).RunNamed(id) }

func sortedNames[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
