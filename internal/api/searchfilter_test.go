package api

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// filteredRun is a WfRun with the Variables of its entrypoint, and whether anything about it changed while it was searched for.
type filteredRun struct {
	storedRun
	made   int32 // major version under which its Variables were made, from which it may have been migrated
	values map[string]*lhpb.VariableValue
	// fields are the texts of its document, by the names under which they are searched for.
	fields  map[string][]string
	changed bool
	// deleting says that its deletion has begun and has not come to its Variables.
	deleting bool
	// alone says that it has no ThreadRun but the entrypoint.
	alone bool
}

// orders is a model of the WfRuns of one WfSpec: in version 0 and 1 who, n and two fields of doc are searchable, in version 1 a third field, note is not;
// version 2, which was deleted, had nothing that is searchable.
type orders struct {
	cluster  *fakeCluster
	runs     map[string]*filteredRun
	versions int
}

func ordersOf(major int32) *lhpb.WfSpec {
	def := func(name string, t lhpb.VariableType, searchable bool) *lhpb.ThreadVarDef {
		return &lhpb.ThreadVarDef{VarDef: &lhpb.VariableDef{Name: name, TypeDef: typeOf(t)}, Searchable: searchable}
	}
	doc := def("doc", lhpb.VariableType_JSON_OBJ, false)
	for i, path := range []string{"$.in.b", "$.a", "$.c"} {
		if int(major) < 2 && i < 2+int(major) {
			doc.JsonIndexes = append(doc.JsonIndexes, &lhpb.JsonIndex{FieldPath: path})
		}
	}
	return &lhpb.WfSpec{
		Id: &lhpb.WfSpecId{Name: "order", MajorVersion: major}, EntrypointThreadName: "main",
		ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": {VariableDefs: []*lhpb.ThreadVarDef{
			def("who", lhpb.VariableType_STR, major < 2), def("n", lhpb.VariableType_INT, major < 2), def("note", lhpb.VariableType_STR, false), doc,
		}}},
	}
}

// put stores what the WfRun is after what it was, as the engine does; nil is none.
func (o *orders) put(id string, after *filteredRun) {
	in, run := keys.In(DefaultTenant), lh.ParseWfRunID(id)
	home := o.cluster.Core(DefaultTenant, lh.RootWfRunID(run))
	if before := o.runs[id]; before != nil {
		for _, k := range before.rows() {
			o.cluster.remove(home, k)
		}
	}
	delete(o.runs, id)
	if after == nil {
		return
	}
	o.runs[id] = after
	for _, k := range after.rows() {
		o.cluster.put(home, k, &pb.Empty{})
	}
	o.cluster.put(home, in.Run(run).WfRun(), &pb.WfRunRow{Deleting: after.deleting, WfRun: &lhpb.WfRun{
		Id: run, Status: after.status, WfSpecId: &lhpb.WfSpecId{Name: "order", MajorVersion: after.major},
	}})
	for name, v := range after.values {
		o.cluster.put(home, in.Run(run).Variable(0, name), &lhpb.Variable{Value: v})
	}
}

// rows are the index rows of a WfRun.
func (r *filteredRun) rows() []keys.Key {
	spec, out := ordersOf(r.made), []keys.Key(nil)
	if r.deleting {
		out = append(out, keys.In(DefaultTenant).Tag(keys.TagDeleting).Text("order").Row(r.createdMs, keys.TagID{WfRun: r.id}))
	} else {
		out = r.own(spec.Id)
	}
	index := func(name, entry, text string) {
		tag := keys.In(DefaultTenant).Tag(keys.TagVariable).Text("order").Text(entry).Text(text).Version(spec.Id)
		out = append(out, tag.Row(r.createdMs, keys.TagID{WfRun: r.id, Name: name}))
		if !r.alone { // a ThreadRun below has a Variable that is found by the same name and value
			out = append(out, tag.Row(r.createdMs+1, keys.TagID{WfRun: r.id, Thread: 1, Name: name}))
		}
	}
	for name, v := range r.values {
		if v.GetValue() != nil && variableOf(spec, name).Searchable {
			index(name, name, textValue(v))
		}
	}
	for entry, texts := range r.fields {
		for _, text := range texts {
			if hasIndex(variableOf(spec, "doc"), strings.TrimPrefix(entry, "doc_")) {
				index("doc", entry, text)
			}
		}
	}
	return out
}

// own are the index rows that a WfRun has for itself, until its deletion begins.
func (r *filteredRun) own(made *lhpb.WfSpecId) []keys.Key {
	in, id := keys.In(DefaultTenant), keys.TagID{WfRun: r.id}
	out := []keys.Key{r.tag().Row(r.createdMs, id)}
	if r.made != r.major {
		out = append(out, in.Tag(keys.TagMigrated).Text("order").Version(made).Row(r.createdMs, id))
	}
	if parent := lh.ParseWfRunID(r.id).ParentWfRunId; parent != nil {
		out = append(out, in.Tag(keys.TagWfRunParent).Text(lh.WfRunIDString(parent)).Row(r.createdMs, id))
	}
	return out
}

func textValue(v *lhpb.VariableValue) string {
	if n, is := v.GetValue().(*lhpb.VariableValue_Int); is {
		return fmt.Sprint(n.Int)
	}
	return v.GetStr()
}

func textOfField(v *lhpb.VariableValue) string {
	if b, is := v.GetValue().(*lhpb.VariableValue_Bool); is {
		return fmt.Sprint(b.Bool)
	}
	return textValue(v)
}

func number(n int64) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Int{Int: n}}
}

// change lets something happen between two pages.
func (o *orders) change(rng *rand.Rand, n int, deletes bool) {
	ids := o.ids()[1:]
	if len(ids) == 0 || rng.IntN(3) == 0 {
		o.put(fmt.Sprintf("new%d", n), someOrder(rng, fmt.Sprintf("new%d", n), o.versions, true))
		return
	}
	id := ids[rng.IntN(len(ids))]
	if deletes && rng.IntN(3) == 0 {
		o.put(id, nil)
		return
	}
	after := *o.runs[id]
	after.status, after.changed = someStatus(rng), true
	after.deleting = after.deleting || deletes && rng.IntN(3) == 0
	o.put(id, &after)
}

// ids of all WfRuns in order, and of none in front.
func (o *orders) ids() []string {
	return append([]string{""}, slices.Sorted(maps.Keys(o.runs))...)
}

func someStatus(rng *rand.Rand) lhpb.LHStatus {
	return []lhpb.LHStatus{lhpb.LHStatus_RUNNING, lhpb.LHStatus_COMPLETED, lhpb.LHStatus_ERROR}[rng.IntN(3)]
}

func someOrder(rng *rand.Rand, id string, versions int, changed bool) *filteredRun {
	r := &filteredRun{changed: changed, values: map[string]*lhpb.VariableValue{
		"who":  text([]string{"ana", "bo", "1"}[rng.IntN(3)]),
		"n":    number(int64(rng.IntN(2))),
		"note": text([]string{"x", "y"}[rng.IntN(2)]),
	}}
	r.storedRun = storedRun{id: id, wfSpec: "order", major: int32(rng.IntN(versions)), status: someStatus(rng), createdMs: int64(rng.IntN(12))}
	if r.made = r.major; r.major == 1 {
		r.made = int32(rng.IntN(versions))
	}
	for _, name := range slices.Sorted(maps.Keys(r.values)) {
		if rng.IntN(6) == 0 {
			r.values[name] = &lhpb.VariableValue{}
		}
	}
	if rng.IntN(8) == 0 {
		delete(r.values, "note")
	}
	if rng.IntN(4) > 0 {
		a, b := fmt.Sprint(rng.IntN(2)), [][]string{nil, {"x"}, {"x", "y"}}[rng.IntN(3)]
		listed := ""
		if b != nil {
			listed = `"` + strings.Join(b, `","`) + `"`
		}
		r.values["doc"] = &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonObj{JsonObj: `{"a":` + a + `,"c":true,"in":{"b":[` + listed + `]}}`}}
		r.fields = map[string][]string{"doc_$.a": {a}, "doc_$.c": {"true"}, "doc_$.in.b": b}
	}
	return r
}

// someSearch asks for a few things that there are, and now and then for one that there is not.
func someSearch(rng *rand.Rand) *lhpb.SearchWfRunRequest {
	req := &lhpb.SearchWfRunRequest{WfSpecName: "order", Limit: proto.Int32(1 + rng.Int32N(9))}
	if rng.IntN(3) == 0 {
		req.Status = someStatus(rng).Enum()
	}
	if rng.IntN(4) == 0 {
		req.WfSpecMajorVersion = proto.Int32(rng.Int32N(2))
	}
	if rng.IntN(4) == 0 {
		req.EarliestStart, req.LatestStart = at(rng.Int64N(4)), at(6+rng.Int64N(6))
	}
	if rng.IntN(4) == 0 {
		req.ParentWfRunId = &lhpb.WfRunId{Id: fmt.Sprint("w", rng.IntN(3))}
		req.ShowFullTree = proto.Bool(rng.IntN(2) == 0)
	}
	like := someOrder(rng, "", 2, false)
	for _, name := range slices.Sorted(maps.Keys(like.values)) {
		if rng.IntN(3) == 0 {
			req.VariableFilters = append(req.VariableFilters, &lhpb.VariableMatch{VarName: name, Value: like.values[name]})
		}
	}
	fields := []*lhpb.VariableMatch{
		{VarName: "doc_$.a", Value: number(rng.Int64N(2))},
		{VarName: "doc_$.in.b", Value: text([]string{"x", "y", "z"}[rng.IntN(3)])},
		{VarName: "doc_$.c", Value: &lhpb.VariableValue{Value: &lhpb.VariableValue_Bool{Bool: rng.IntN(4) > 0}}},
	}
	if req.WfSpecMajorVersion != nil && *req.WfSpecMajorVersion == 0 {
		fields = fields[:2] // the third was not indexed then
	}
	for _, f := range fields {
		if rng.IntN(6) == 0 {
			req.VariableFilters = append(req.VariableFilters, f)
		}
	}
	switch rng.IntN(20) {
	case 0:
		req.Status = lhpb.LHStatus_HALTED.Enum()
	case 1:
		req.VariableFilters = []*lhpb.VariableMatch{{VarName: "who", Value: number(1)}}
	case 2:
		req.VariableFilters = []*lhpb.VariableMatch{{VarName: "n", Value: number(7)}}
	}
	return req
}

// meets is the definition of what a search finds.
func (r *filteredRun) meets(req *lhpb.SearchWfRunRequest) bool {
	if req.Status != nil && r.status != *req.Status || req.WfSpecMajorVersion != nil && r.major != *req.WfSpecMajorVersion ||
		!spanOf(req.EarliestStart, req.LatestStart).holds(r.createdMs) || r.deleting {
		return false
	}
	if req.ParentWfRunId != nil {
		below, is := strings.CutPrefix(r.id, req.ParentWfRunId.Id+"_")
		if !is || !req.GetShowFullTree() && strings.Contains(below, "_") {
			return false
		}
	}
	for _, f := range req.VariableFilters {
		if strings.Contains(f.VarName, "_$") {
			if !slices.Contains(r.fields[f.VarName], textOfField(f.Value)) {
				return false
			}
			continue
		}
		if v, has := r.values[f.VarName]; !has || !proto.Equal(v, f.Value) {
			return false
		}
	}
	return true
}

// someOrders are WfRuns and children of theirs; of some of them the deletion has begun, if deletes says so.
func someOrders(t *rapid.T, rng *rand.Rand, deletes bool) *orders {
	o := &orders{cluster: newFakeCluster(rapid.IntRange(1, 4).Draw(t, "partitions")), runs: map[string]*filteredRun{}, versions: rapid.IntRange(2, 3).Draw(t, "versions")}
	for n := range rapid.SampledFrom([]int{100, 30, 3, 0}).Draw(t, "runs") {
		id := fmt.Sprintf("w%d", n)
		parent := o.runs[o.ids()[rng.IntN(n+1)]]
		if parent != nil {
			id = parent.id + "_" + id
		}
		r := someOrder(rng, id, o.versions, false)
		if parent != nil {
			r.createdMs = max(r.createdMs, parent.createdMs)
		}
		r.deleting = deletes && rng.IntN(8) == 0
		o.put(id, r)
	}
	return o
}

// Whatever is asked for, the pages together give what reading everything gives, once, in order; whatever happens between two
// pages, and whichever server answers the next. Only what changed meanwhile may be missed or be given again.
//
// covers: api §6.2; api §6.3; api §6.5
func TestSearchWfRunFindsWhatAScanFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		definitions := &fakeDefinitions{specs: map[string]*lhpb.WfSpec{"order": ordersOf(1)}, old: []*lhpb.WfSpec{ordersOf(0)}}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		req, writes := someSearch(rng), rapid.Bool().Draw(t, "writes")
		tree := req.ParentWfRunId != nil && req.GetShowFullTree()
		o := someOrders(t, rng, !tree)
		var order []string
		for page := 0; ; page++ {
			s := &Service{cfg: Config{Routing: o.cluster}, definitions: definitions} // another server each time
			got, err := s.SearchWfRun(context.WithValue(context.Background(), callKey{}, &call{tenant: DefaultTenant}), req)
			if err != nil || page > 1000 {
				t.Fatal(page, err)
			}
			for _, id := range got.Results {
				order = append(order, lh.WfRunIDString(id))
			}
			if got.Bookmark == nil {
				break
			}
			if len(got.Results) != int(*req.Limit) {
				t.Fatalf("a page of %d and a bookmark", len(got.Results))
			}
			req = proto.Clone(req).(*lhpb.SearchWfRunRequest)
			req.Bookmark = got.Bookmark
			for n := 0; writes && n < 3; n++ {
				o.change(rng, 3*page+n, !tree) // what is below a WfRun is not reached without it
			}
		}
		var want []string
		for id, r := range o.runs {
			if !r.changed && r.meets(req) {
				want = append(want, id)
			}
		}
		if writes {
			order = slices.DeleteFunc(order, func(id string) bool { return o.runs[id] == nil || o.runs[id].changed })
		}
		slices.SortFunc(want, func(a, b string) int { return o.compare(a, b, tree) })
		if !slices.Equal(order, want) {
			t.Fatalf("%v:\ngot  %v\nwant %v", req, order, want)
		}
	})
}

// compare puts WfRuns in the order of a search.
func (o *orders) compare(a, b string, tree bool) int {
	if !tree {
		return cmp.Or(cmp.Compare(o.runs[a].createdMs, o.runs[b].createdMs), cmp.Compare(a, b))
	}
	partsA, partsB := strings.Split(a, "_"), strings.Split(b, "_")
	for n := range min(len(partsA), len(partsB)) {
		if partsA[n] == partsB[n] {
			continue
		}
		x, y := strings.Join(partsA[:n+1], "_"), strings.Join(partsB[:n+1], "_")
		if o.runs[x] == nil || o.runs[y] == nil {
			return cmp.Compare(x, y)
		}
		return cmp.Or(cmp.Compare(o.runs[x].createdMs, o.runs[y].createdMs), cmp.Compare(x, y))
	}
	return cmp.Compare(len(partsA), len(partsB))
}
