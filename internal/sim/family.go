package sim

import (
	"fmt"
	"math/rand/v2"

	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// Families of WfRuns: heirs below a WfRun of one of the random WfSpecs, late heirs below those. All see one Variable of the
// WfRun at the top, wait for it and change it, each in records of its own. Some WfRuns go away soon after they have ended, while
// others wait for them or have what they use from them.
const (
	heirSpec     = "heir"
	lateHeirSpec = "late-heir"

	// sharedVar is what the family shares. It only grows.
	sharedVar = "shared"
	// spoiltVar cannot be set as long as the shared Variable is 0.
	spoiltVar = "spoilt"
	// givenVar is an input of WfRuns that nodes start.
	givenVar = "given"

	// enough is what is added to the shared Variable after a while by whoever starts to wait for it.
	enough = 5
)

func shared(access lhpb.WfRunVariableAccessLevel) *lhpb.ThreadVarDef {
	v := integerVar(sharedVar, access)
	if access == lhpb.WfRunVariableAccessLevel_INHERITED_VAR {
		v.VarDef.DefaultValue = nil
	}
	return v
}

func spoilt() *lhpb.ThreadVarDef {
	return integerVar(spoiltVar, lhpb.WfRunVariableAccessLevel_PRIVATE_VAR)
}

// oneByShared cannot be worked out as long as the shared Variable is 0, or when the WfRun that has it is gone.
func oneByShared() *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_Expression_{Expression: &lhpb.VariableAssignment_Expression{
		Lhs: literalInt(1), Rhs: variable(sharedVar),
		Operation: &lhpb.VariableAssignment_Expression_MutationType{MutationType: lhpb.VariableMutationType_DIVIDE},
	}}}
}

// heirWfSpec makes a WfSpec whose WfRuns stand below those of another.
func heirWfSpec(rng *rand.Rand, name, parent string, kids ...string) *lhpb.PutWfSpecRequest {
	g := &generator{rng: rng, threads: map[string]*lhpb.ThreadSpec{}, shares: true, kids: append([]string{subSpec}, kids...)}
	g.thread("main", 1)
	g.threads["main"].VariableDefs = append(g.threads["main"].VariableDefs, shared(lhpb.WfRunVariableAccessLevel_INHERITED_VAR), spoilt())
	return &lhpb.PutWfSpecRequest{
		Name: name, EntrypointThreadName: "main", ThreadSpecs: g.threads, RetentionPolicy: retention(rng),
		ParentWfSpec: &lhpb.WfSpec_ParentWfSpecReference{WfSpecName: parent},
	}
}

// retention has some WfRuns deleted soon after they have ended.
func retention(rng *rand.Rand) *lhpb.WorkflowRetentionPolicy {
	if rng.IntN(3) > 0 {
		return nil
	}
	return &lhpb.WorkflowRetentionPolicy{WfGcPolicy: &lhpb.WorkflowRetentionPolicy_SecondsAfterWfTermination{
		SecondsAfterWfTermination: int64(rng.IntN(15)),
	}}
}

// threadRetention has some threads archived soon after they have ended.
func (g *generator) threadRetention() *lhpb.ThreadRetentionPolicy {
	if g.rng.IntN(3) > 0 {
		return nil
	}
	return &lhpb.ThreadRetentionPolicy{ThreadGcPolicy: &lhpb.ThreadRetentionPolicy_SecondsAfterThreadTermination{
		SecondsAfterThreadTermination: int64(g.rng.IntN(10)),
	}}
}

// change has the next edge change what the family shares, or now and then something that may be impossible.
func (g *generator) change(b *body) {
	if !g.shares {
		return
	}
	switch g.rng.IntN(16) {
	case 0:
		b.changes = append(b.changes, &lhpb.VariableMutation{
			LhsName: spoiltVar, Operation: lhpb.VariableMutationType_ASSIGN,
			RhsValue: &lhpb.VariableMutation_RhsAssignment{RhsAssignment: oneByShared()},
		})
	case 1, 2, 3, 4:
		b.changes = append(b.changes, increment(sharedVar))
	}
}

// awaitShared waits for what anybody in the family makes of what they share. A thread of its own sees to it that this comes.
func (g *generator) awaitShared(b *body) {
	g.startSetter(b, add(sharedVar, enough))
	b.add("until-shared", g.handled(g.until(sharedVar, int64(g.rng.IntN(enough)))))
}

// runChildWf runs a WfSpec that is known beforehand or only when it comes to it, under an id that may be taken.
func (g *generator) runChildWf() *lhpb.Node {
	r := &lhpb.RunChildWfNode{WfSpec: &lhpb.RunChildWfNode_WfSpecName{WfSpecName: subSpec}, MajorVersion: -1}
	if g.rng.IntN(2) == 0 {
		r.Inputs = map[string]*lhpb.VariableAssignment{givenVar: literalInt(1)}
	}
	if len(g.kids) > 0 && g.rng.IntN(2) == 0 {
		r.WfSpec = &lhpb.RunChildWfNode_WfSpecVar{WfSpecVar: literalStr(g.kids[g.rng.IntN(len(g.kids))])}
		r.Inputs = nil
	}
	if g.rng.IntN(2) == 0 {
		r.ChildId = literalStr(kidID(g.rng))
	}
	return &lhpb.Node{Node: &lhpb.Node_RunChildWf{RunChildWf: r}}
}

// kidID is one of a few ids of WfRuns below others.
func kidID(rng *rand.Rand) string { return fmt.Sprintf("kid-%d", rng.IntN(3)) }

// anyMember is a WfRun that may be there, or one below it.
func (w *world) anyMember() (*lhpb.WfRunId, bool) {
	root, ok := w.anyRun()
	id := &lhpb.WfRunId{Id: root}
	for depth := 0; depth < 2 && w.rng.IntN(3) == 0; depth++ {
		id = &lhpb.WfRunId{Id: kidID(w.rng), ParentWfRunId: id}
	}
	return id, ok
}

// runHeir starts a WfRun below another. That may be gone, or of the wrong WfSpec.
func (w *world) runHeir() {
	parent, ok := w.anyMember()
	if !ok {
		return
	}
	name := heirSpec
	if parent.ParentWfRunId != nil && w.rng.IntN(4) > 0 {
		name = lateHeirSpec
	}
	id := kidID(w.rng)
	run := &lhpb.WfRunId{Id: id, ParentWfRunId: parent}
	w.submit(w.ofRun(run), &pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
		Request:  &lhpb.RunWfRequest{WfSpecName: name, Id: &id, ParentWfRunId: parent},
		WfSpecId: &lhpb.WfSpecId{Name: name},
	}}}, func(r machine.Reply) {
		switch {
		case r.Err == nil:
			w.acknowledged[lh.WfRunIDString(run)] = true
		case r.Err.Code != lh.AlreadyExists && r.Err.Code != lh.FailedPrecondition && r.Err.Code != lh.InvalidArgument:
			w.violate("client", "RunWf %s was refused: %v", lh.WfRunIDString(run), r.Err)
		}
	})
}
