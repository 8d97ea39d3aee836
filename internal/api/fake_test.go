package api

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/auth"
	"littlehorse/internal/catalog"
	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/spec"
	"littlehorse/internal/taskqueue"
	"littlehorse/internal/telemetry"
	"littlehorse/lhpb"
)

// fakeCluster is durable state in memory; records are answered by a function of the test.
type fakeCluster struct {
	rows    map[machine.Stream]map[keys.Key][]byte
	answer  func(machine.Stream, *machine.Record) (proto.Message, error)
	scans   int
	read    int // rows that scans have given, and values that were asked for
	gets    int // values that were asked for
	sorted  map[machine.Stream][]keys.Key
	viewing func()     // called before a View
	views   int        // that are looked at now
	moving  bool       // the first that a View has seen never counts
	reading sync.Mutex // scans, read, gets and sorted
	// scanned is called behind each scan, if it is set.
	scanned func()
}

func newFakeCluster(partitions int) *fakeCluster {
	f := &fakeCluster{rows: map[machine.Stream]map[keys.Key][]byte{}}
	for n := range partitions {
		f.rows[machine.Stream{Kind: machine.Core, Partition: uint16(n)}] = map[keys.Key][]byte{}
	}
	return f
}

func (f *fakeCluster) put(s machine.Stream, k keys.Key, v machine.Value) {
	b, err := v.MarshalVT()
	if err != nil {
		panic(err)
	}
	f.change(s)[k] = b
}

func (f *fakeCluster) remove(s machine.Stream, k keys.Key) { delete(f.change(s), k) }

// change are the rows of a stream, to be changed: those that somebody looks at stay as they are.
func (f *fakeCluster) change(s machine.Stream) map[keys.Key][]byte {
	switch {
	case f.rows[s] == nil:
		f.rows[s] = map[keys.Key][]byte{}
	case f.views > 0:
		f.rows[s] = maps.Clone(f.rows[s])
	}
	delete(f.sorted, s)
	return f.rows[s]
}

func (f *fakeCluster) Core(tenant, key string) machine.Stream {
	n := 0
	for _, c := range tenant + key {
		n += int(c)
	}
	return f.Streams()[n%len(f.Streams())]
}

// Repartition is one stream for all.
func (f *fakeCluster) Repartition(string, string) machine.Stream {
	return machine.Stream{Kind: machine.Repartition}
}

func (f *fakeCluster) Streams() []machine.Stream {
	all := slices.SortedFunc(maps.Keys(f.rows), func(a, b machine.Stream) int { return int(a.Partition) - int(b.Partition) })
	return slices.DeleteFunc(all, func(s machine.Stream) bool { return s.Kind != machine.Core })
}

func (f *fakeCluster) Metadata() machine.Stream { return machine.Stream{Kind: machine.Metadata} }

func (f *fakeCluster) Here(machine.Stream) bool { return true }

func (f *fakeCluster) Watch(context.Context, machine.Stream, string, string) (thrown <-chan struct{}, end func()) {
	return nil, func() {}
}

func (f *fakeCluster) Submit(_ context.Context, to machine.Stream, r *machine.Record) (proto.Message, error) {
	return f.answer(to, r)
}

func (f *fakeCluster) SubmitThen(_ context.Context, to machine.Stream, r *machine.Record, then func(machine.Reply)) (proto.Message, error) {
	v, err := f.answer(to, r)
	then(machine.Reply{Value: v, Err: lh.AsError(err)})
	return v, err
}

func (f *fakeCluster) SubmitFunc(_ context.Context, to machine.Stream, r *machine.Record, done func(machine.Reply)) {
	v, err := f.answer(to, r)
	if done == nil {
		return
	}
	done(machine.Reply{Value: v, Err: lh.AsError(err)})
}

func (f *fakeCluster) Get(_ context.Context, from machine.Stream, k keys.Key) ([]byte, error) {
	f.count()
	return f.rows[from][k], nil
}

func (f *fakeCluster) count() {
	f.reading.Lock()
	defer f.reading.Unlock()
	f.read++
	f.gets++
}

func (f *fakeCluster) Scan(_ context.Context, from machine.Stream, start, end keys.Key, limit int) ([]cluster.Row, error) {
	return f.look(from).Scan(start, end, limit)
}

func (f *fakeCluster) View(_ context.Context, from machine.Stream, read func(cluster.View) error) error {
	f.views++
	defer func() { f.views-- }()
	if f.viewing != nil {
		f.viewing()
	}
	if f.moving {
		if err := read(f.look(from)); err != nil {
			return err
		}
	}
	return read(f.look(from))
}

func (f *fakeCluster) look(from machine.Stream) fakeView {
	f.reading.Lock()
	defer f.reading.Unlock()
	return fakeView{f, f.rows[from], f.inOrder(from)}
}

// fakeView is a stream at one moment.
type fakeView struct {
	cluster *fakeCluster
	rows    map[keys.Key][]byte
	sorted  []keys.Key
}

func (v fakeView) Get(k keys.Key) ([]byte, error) {
	v.cluster.count()
	return v.rows[k], nil
}

func (v fakeView) Scan(start, end keys.Key, limit int) ([]cluster.Row, error) {
	v.cluster.reading.Lock()
	v.cluster.scans++
	var out []cluster.Row
	for at, _ := slices.BinarySearch(v.sorted, start); at < len(v.sorted) && v.sorted[at] < end && len(out) < limit; at++ {
		out = append(out, cluster.Row{Key: v.sorted[at], Value: v.rows[v.sorted[at]]})
	}
	v.cluster.read += len(out)
	v.cluster.reading.Unlock()
	if v.cluster.scanned != nil {
		v.cluster.scanned()
	}
	return out, nil
}

// ScanBack counts as Scan does.
func (v fakeView) ScanBack(start, end keys.Key, limit int) ([]cluster.Row, error) {
	v.cluster.reading.Lock()
	v.cluster.scans++
	var out []cluster.Row
	at, _ := slices.BinarySearch(v.sorted, end)
	for at--; at >= 0 && v.sorted[at] >= start && len(out) < limit; at-- {
		out = append(out, cluster.Row{Key: v.sorted[at], Value: v.rows[v.sorted[at]]})
	}
	v.cluster.read += len(out)
	v.cluster.reading.Unlock()
	if v.cluster.scanned != nil {
		v.cluster.scanned()
	}
	return out, nil
}

// inOrder are the keys of a partition; sorted once until the next is put.
func (f *fakeCluster) inOrder(s machine.Stream) []keys.Key {
	if f.sorted == nil {
		f.sorted = map[machine.Stream][]keys.Key{}
	}
	if f.sorted[s] == nil {
		f.sorted[s] = slices.Sorted(maps.Keys(f.rows[s]))
	}
	return f.sorted[s]
}

// fakeDefinitions hold WfSpecs and tenants.
type fakeDefinitions struct {
	specs   map[string]*lhpb.WfSpec // the newest of each name
	old     []*lhpb.WfSpec          // in order of their versions
	events  []string                // ExternalEventDefs and WorkflowEventDefs
	plans   map[string]*lhpb.WorkflowMigrationPlan
	tenants []string
	quotas  map[string]*lhpb.Quota
}

func (f *fakeDefinitions) Version() uint64         { return 7 }
func (f *fakeDefinitions) Latest(string) spec.Defs { return fakeDefs{f} }

// Principal is there for the anonymous only, as in a new cluster.
func (f *fakeDefinitions) Principal(id string) *lhpb.Principal {
	return catalog.NewView().Principal(id)
}

func (f *fakeDefinitions) Quota(tenant, principal string) *lhpb.Quota {
	return f.quotas[tenant+"/"+principal]
}

func (f *fakeDefinitions) MigrationPlan(_, name string) *lhpb.WorkflowMigrationPlan {
	return f.plans[name]
}

func (f *fakeDefinitions) Tenant(id string) *lhpb.Tenant {
	if slices.Contains(f.tenants, id) {
		return &lhpb.Tenant{Id: &lhpb.TenantId{Id: id}}
	}
	return nil
}

func (f *fakeDefinitions) Walk(_ string, kind keys.ObjectKind, from keys.Definition, visit func(keys.Definition) bool) {
	if kind == keys.KindWfSpec {
		for _, w := range append(slices.Clone(f.old), slices.Collect(maps.Values(f.specs))...) {
			if w.Id.Name == from.Name && !visit(keys.Definition{Kind: kind, Name: w.Id.Name, Major: w.Id.MajorVersion, Revision: w.Id.Revision}) {
				return
			}
		}
	}
	if kind != keys.KindTenant {
		return
	}
	for _, t := range slices.Sorted(slices.Values(f.tenants)) {
		if t >= from.Name && !visit(keys.Definition{Kind: kind, Name: t}) {
			return
		}
	}
}

type fakeDefs struct{ *fakeDefinitions }

func (f fakeDefs) WfSpec(id *lhpb.WfSpecId) *lhpb.WfSpec {
	for _, w := range f.old {
		if proto.Equal(w.Id, id) {
			return w
		}
	}
	return f.specs[id.Name]
}
func (f fakeDefs) LatestWfSpec(name string, _ int32) *lhpb.WfSpec { return f.specs[name] }
func (f fakeDefs) TaskDef(string) *lhpb.TaskDef                   { return nil }

func (f fakeDefs) ExternalEventDef(name string) *lhpb.ExternalEventDef {
	if slices.Contains(f.events, name) {
		return &lhpb.ExternalEventDef{}
	}
	return nil
}

func (f fakeDefs) WorkflowEventDef(name string) *lhpb.WorkflowEventDef {
	if slices.Contains(f.events, name) {
		return &lhpb.WorkflowEventDef{}
	}
	return nil
}
func (f fakeDefs) UserTaskDef(string, int32) *lhpb.UserTaskDef { return nil }
func (f fakeDefs) StructDef(string, int32) *lhpb.StructDef     { return nil }

// face is the service on an in-memory listener.
type face struct {
	*Service
	cluster     *fakeCluster
	definitions *fakeDefinitions
	client      lhpb.LittleHorseClient
	conn        *grpc.ClientConn
	log         *strings.Builder
	now         time.Time
}

func newFace(t *testing.T) *face {
	t.Helper()
	f := &face{
		cluster: newFakeCluster(3), log: &strings.Builder{}, now: time.Now(),
		definitions: &fakeDefinitions{tenants: []string{"bank"}, specs: map[string]*lhpb.WfSpec{}},
	}
	queues := taskqueue.Default()
	queues.Log = slog.New(slog.DiscardHandler)
	f.Service = New(Config{
		Routing: f.cluster, Definitions: f.definitions, Queues: taskqueue.New(queues),
		MaxRequestBytes: DefaultMaxRequestBytes, WriteTimeout: time.Minute,
		Now:  func() time.Time { return f.now },
		RPCs: telemetry.NewRPCs(telemetry.NewMetrics("test"), "littlehorse.LittleHorse"),
		Log:  slog.New(slog.NewTextHandler(f.log, nil)),
	})
	server := NewGRPCServer(TransportConfig{})
	f.Register(server, &Listener{Name: "PLAIN", Authenticator: auth.None{}})
	lis := bufconn.Listen(1 << 20)
	go func() { _ = server.Serve(lis) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///face",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	f.conn, f.client = conn, lhpb.NewLittleHorseClient(conn)
	return f
}
