package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// metadataPause is what the original needs until a deletion is seen by every command.
const metadataPause = 400 * time.Millisecond

// historyPlan is what a seed makes: definitions, and the runs to start.
type historyPlan struct {
	kind        string
	calm        bool
	definitions []definition
	run         func(*recorder) []*lhpb.RunWfRequest
	begin       func(context.Context, *recorder) error // what comes before the runs
	more        func(*recorder, func(int, action))     // commands of this kind alone
	fades       bool                                   // the WfRun goes away by itself when it has ended
}

// plan chooses the kind of a history by its seed.
func plan(n names) historyPlan {
	switch n.seed % 10 {
	case 0, 1:
		return tree(n)
	case 2:
		return special[n.seed/10%uint64(len(special))](n)
	case 5:
		return further[n.seed/10%uint64(len(further))](n)
	default:
		return focused(n, aims(n.seed))
	}
}

// aims are the cells that the history of a seed aims at; none if it is about something else.
func aims(seed uint64) []cell {
	switch seed % 10 {
	case 0, 1, 2, 5:
		return nil
	case 3:
		return rareTargets(seed)
	default:
		return targets(seed, 4)
	}
}

// aimsAt reports whether the history of a seed aims at the cell of that name.
func aimsAt(seed uint64, name string) bool {
	return slices.ContainsFunc(aims(seed), func(c cell) bool { return c.String() == name })
}

// tree is a random WfSpec with child threads, loops, branches and a child WfSpec.
func tree(n names) historyPlan {
	p := historyPlan{kind: "tree", run: runOnce}
	for _, s := range specs(n) {
		p.definitions = append(p.definitions, definition{method: "PutWfSpec", request: s})
	}
	return p
}

// runOnce runs the history's WfSpec with random inputs.
func runOnce(r *recorder) []*lhpb.RunWfRequest {
	in := map[string]*lhpb.VariableValue{}
	rng := rand.New(rand.NewPCG(r.names.seed, 7))
	if rng.IntN(2) == 0 {
		in["i"] = integer(int64(rng.IntN(5)))
	}
	if rng.IntN(4) == 0 {
		in["s"] = str("t2")
	}
	if !r.calm && rng.IntN(6) == 0 {
		in["j"] = object(`{"n":"7","t":1.5}`)
	}
	return []*lhpb.RunWfRequest{{WfSpecName: r.names.spec(), Id: proto.String(r.id.Id), Variables: in}}
}
