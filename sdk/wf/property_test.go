package wf_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"littlehorse/lhpb"
	"littlehorse/sdk/wf"
)

// program draws the body of a thread. Names come from a counter; some programs are mistaken on purpose.
type program struct {
	*rapid.T
	count int
	ints  []*wf.Var[int64] // all that were ever declared, in any thread
}

func (p *program) name(prefix string) string {
	p.count++
	return fmt.Sprintf("%s%d", prefix, p.count)
}

func (p *program) value() any {
	if len(p.ints) == 0 || rapid.Bool().Draw(p.T, "literal") {
		return rapid.OneOf(rapid.Just[any](7), rapid.Just[any]("text"), rapid.Just[any](nil), rapid.Just[any](uint(3))).Draw(p.T, "value")
	}
	v := rapid.SampledFrom(p.ints).Draw(p.T, "variable")
	if rapid.Bool().Draw(p.T, "expression") {
		return v.Add(1).Mul(v)
	}
	return v
}

func (p *program) condition() wf.Arg[bool] {
	if len(p.ints) == 0 {
		return wf.Lit(true)
	}
	c := rapid.SampledFrom(p.ints).Draw(p.T, "condition on").Lt(p.value())
	switch rapid.IntRange(0, 2).Draw(p.T, "condition") {
	case 0:
		return wf.Not(c)
	case 1:
		return wf.Or(c, wf.Not(wf.And(c, c)))
	default:
		return c
	}
}

func (p *program) body(depth int) func(*wf.Thread) {
	return func(t *wf.Thread) {
		for range rapid.IntRange(0, 4).Draw(p.T, "statements") {
			p.statement(t, depth)
		}
	}
}

func (p *program) statement(t *wf.Thread, depth int) {
	most := 15
	if depth == 0 {
		most = 7
	}
	switch rapid.IntRange(0, most).Draw(p.T, "statement") {
	case 0:
		p.ints = append(p.ints, wf.Declare[int64](t, p.name("v")))
	case 1:
		t.Execute(p.name("task"), p.value())
	case 2:
		if len(p.ints) > 0 {
			rapid.SampledFrom(p.ints).Draw(p.T, "set").Set(p.value())
		}
	case 3:
		t.Sleep(time.Duration(rapid.IntRange(-1, 5).Draw(p.T, "sleep")) * time.Second)
	case 4:
		t.Fail("failure", "", p.value())
	case 5:
		t.Complete()
	case 6:
		t.WaitForEvent("event")
	case 7:
		t.WaitUntil(p.condition())
	case 8, 9:
		s := t.If(p.condition(), p.body(depth-1))
		if rapid.Bool().Draw(p.T, "else if") {
			s.ElseIf(p.condition(), p.body(depth-1))
		}
		if rapid.Bool().Draw(p.T, "else") {
			s.Else(p.body(depth - 1))
		}
	case 10:
		t.While(p.condition(), p.body(depth-1))
	case 11:
		t.DoWhile(p.body(depth-1), p.condition())
	case 12:
		t.WaitAll(t.Spawn(p.name("kid"), p.body(depth-1), wf.In{"n": p.value()}))
	case 13:
		t.Execute(p.name("task")).OnAnyError(p.body(depth-1)).OnException("oops", p.body(depth-1))
	case 14:
		t.OnInterrupt(p.name("event"), p.body(depth-1))
	case 15:
		t.Execute("task", t.Execute(p.name("task")))
	}
}

func TestRandomProgramsCompileOrSayWhy(t *testing.T) {
	compiled := 0
	rapid.Check(t, func(r *rapid.T) {
		p := &program{T: r}
		req, err := wf.New("random", p.body(3)).Compile()
		if err != nil {
			checkMistakes(r, err)
			return
		}
		compiled++
		checkGraph(r, req)
	})
	if compiled == 0 {
		t.Error("not a single program compiled")
	}
}

func checkMistakes(t *rapid.T, err error) {
	var first *wf.CompileError
	if !errors.As(err, &first) {
		t.Fatalf("no CompileError: %v", err)
	}
	for _, line := range strings.Split(err.Error(), "\n")[1:] {
		if !strings.Contains(line, "property_test.go:") {
			t.Fatalf("a mistake without its place: %q", line)
		}
	}
}

// checkGraph finds threads that cannot end, nodes that lead nowhere and edges to nothing.
func checkGraph(t *rapid.T, req *lhpb.PutWfSpecRequest) {
	if _, err := proto.Marshal(req); err != nil {
		t.Fatal(err)
	}
	for name, thread := range req.ThreadSpecs {
		entrypoints := 0
		for id, node := range thread.Nodes {
			if node.GetEntrypoint() != nil {
				entrypoints++
			}
			if (node.GetExit() != nil) != (len(node.OutgoingEdges) == 0) {
				t.Fatalf("thread %s: node %s has %d edges", name, id, len(node.OutgoingEdges))
			}
			for i, edge := range node.OutgoingEdges {
				if thread.Nodes[edge.SinkNodeName] == nil || edge.SinkNodeName == id {
					t.Fatalf("thread %s: node %s leads to %q", name, id, edge.SinkNodeName)
				}
				if last := i == len(node.OutgoingEdges)-1; !last && edge.EdgeCondition == nil {
					t.Fatalf("thread %s: node %s has an unconditional edge before others", name, id)
				}
			}
			checkHandlers(t, req, node)
		}
		if entrypoints != 1 {
			t.Fatalf("thread %s has %d entrypoints", name, entrypoints)
		}
	}
}

func checkHandlers(t *rapid.T, req *lhpb.PutWfSpecRequest, node *lhpb.Node) {
	for _, handler := range node.FailureHandlers {
		if req.ThreadSpecs[handler.HandlerSpecName] == nil {
			t.Fatalf("handler %q is missing", handler.HandlerSpecName)
		}
	}
}
