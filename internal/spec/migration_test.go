package spec

import (
	"fmt"
	"slices"
	"testing"

	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

// twoVersions are the WfSpecs of a migration: 0.0 and 0.1 of one name.
type twoVersions struct {
	Defs
	from, to *lhpb.WfSpec
}

func (v twoVersions) WfSpec(id *lhpb.WfSpecId) *lhpb.WfSpec {
	switch id.GetRevision() {
	case 0:
		return v.from
	case 1:
		return v.to
	default:
		return nil
	}
}

// lineage is a WfSpec of a main thread with a child, below it a failure handler, and an interrupt handler below
// that; each thread declares its variables, and reads those listed.
func lineage(declares, reads map[string][]string) *lhpb.WfSpec {
	w := &lhpb.WfSpec{EntrypointThreadName: "main", ThreadSpecs: map[string]*lhpb.ThreadSpec{}}
	for _, name := range []string{"main", "child", "handler", "bell", "alone"} {
		t := &lhpb.ThreadSpec{Nodes: map[string]*lhpb.Node{"wait": {Node: &lhpb.Node_Sleep{Sleep: &lhpb.SleepNode{}}}}}
		for _, v := range declares[name] {
			t.VariableDefs = append(t.VariableDefs, &lhpb.ThreadVarDef{VarDef: &lhpb.VariableDef{Name: v}})
		}
		for i, v := range reads[name] {
			t.Nodes[fmt.Sprintf("read%d", i)] = &lhpb.Node{Node: &lhpb.Node_Sleep{Sleep: &lhpb.SleepNode{
				SleepLength: &lhpb.SleepNode_RawSeconds{RawSeconds: &lhpb.VariableAssignment{
					Source: &lhpb.VariableAssignment_VariableName{VariableName: v},
				}},
			}}}
		}
		w.ThreadSpecs[name] = t
	}
	w.ThreadSpecs["main"].Nodes["start"] = &lhpb.Node{Node: &lhpb.Node_StartThread{StartThread: &lhpb.StartThreadNode{ThreadSpecName: "child"}}}
	w.ThreadSpecs["child"].Nodes["wait"].FailureHandlers = []*lhpb.FailureHandlerDef{{HandlerSpecName: "handler"}}
	w.ThreadSpecs["handler"].InterruptDefs = []*lhpb.InterruptDef{{HandlerSpecName: "bell"}}
	return w
}

func TestDependenciesOfAMigration(t *testing.T) {
	type names = map[string][]string
	for _, c := range []struct {
		name                string
		had, declares, uses names
		mapped              []string
		want                []string // of the last mapped thread
		refused             lh.Code
	}{
		{name: "in scope before", had: names{"main": {"x"}}, declares: names{"main": {"x"}}, uses: names{"bell": {"x"}}, mapped: []string{"bell"}},
		{name: "its own", declares: names{"child": {"x"}}, uses: names{"child": {"x"}}, mapped: []string{"child"}},
		{
			name: "new above", declares: names{"main": {"x", "y"}, "child": {"z"}}, uses: names{"bell": {"y", "z", "x"}},
			mapped: []string{"main", "child", "bell"}, want: []string{"child", "main"},
		},
		{name: "owner is not migrated", declares: names{"main": {"x"}}, uses: names{"child": {"x"}}, mapped: []string{"child"}, refused: lh.FailedPrecondition},
		{name: "nobody's", uses: names{"child": {"x"}}, mapped: []string{"child"}, refused: lh.NotFound},
		{
			name: "out of scope before", had: names{"alone": {"x"}}, declares: names{"main": {"x"}}, uses: names{"child": {"x"}},
			mapped: []string{"main", "child"}, want: []string{"main"},
		},
		{
			name: "of several the one above", declares: names{"alone": {"INPUT"}, "child": {"INPUT"}}, uses: names{"handler": {"INPUT"}},
			mapped: []string{"alone", "child", "handler"}, want: []string{"child"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := &lhpb.PutWorkflowMigrationPlanRequest{OldWfSpec: &lhpb.WfSpecId{}, Revision: 1, ThreadMigrations: map[string]*lhpb.ThreadMigrationPlanRequest{}}
			for _, name := range c.mapped {
				req.ThreadMigrations[name] = &lhpb.ThreadMigrationPlanRequest{NewThreadName: name}
			}
			plan, refusal := PlanMigration(twoVersions{from: lineage(c.had, nil), to: lineage(c.declares, c.uses)}, req)
			if c.refused != 0 {
				if refusal == nil || refusal.Code != c.refused {
					t.Fatalf("got %v, want a refusal of code %d", refusal, c.refused)
				}
				return
			}
			if refusal != nil {
				t.Fatal(refusal)
			}
			if got := plan.ThreadMigrations[c.mapped[len(c.mapped)-1]].ThreadSpecDependencies; !slices.Equal(got, c.want) {
				t.Errorf("depends on %v, want %v", got, c.want)
			}
		})
	}
}

func TestEntrypointsAreMigratedToEntrypoints(t *testing.T) {
	both := twoVersions{from: lineage(nil, nil), to: lineage(nil, nil)}
	for old, name := range map[string]string{"main": "child", "child": "main"} {
		_, refusal := PlanMigration(both, &lhpb.PutWorkflowMigrationPlanRequest{
			OldWfSpec: &lhpb.WfSpecId{}, Revision: 1,
			ThreadMigrations: map[string]*lhpb.ThreadMigrationPlanRequest{old: {NewThreadName: name}},
		})
		if refusal == nil || refusal.Code != lh.InvalidArgument {
			t.Errorf("%s to %s: %v", old, name, refusal)
		}
	}
}
