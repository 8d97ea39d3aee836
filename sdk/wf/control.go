package wf

import (
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

func (t *Thread) condition(c Arg[bool], place string) *lhpb.VariableAssignment {
	return t.assignAs(c, primitive(lhpb.VariableType_BOOL), place).pb
}

func (t *Thread) nop() *node {
	return t.add("nop", "NOP", nopNode())
}

func nopNode() *lhpb.Node {
	return &lhpb.Node{Node: &lhpb.Node_Nop{Nop: &lhpb.NopNode{}}}
}

// IfStatement is what If returns: a place for ElseIf and Else.
type IfStatement struct {
	thread     *Thread
	start, end *node // nil when the If itself is never reached
	closed     bool
}

// If runs body when the condition holds.
func (t *Thread) If(condition Arg[bool], body func(*Thread)) *IfStatement {
	c := t.condition(condition, "If")
	if !t.open() {
		return &IfStatement{thread: t}
	}
	s := &IfStatement{thread: t, start: t.nop()}
	t.next = conditionalEdge(c)
	body(t)
	s.end = t.newNode("nop", "NOP", nopNode())
	t.join(s.end)
	t.link(s.start, s.end, &lhpb.Edge{})
	t.resume(s.end)
	return s
}

// ElseIf runs body when no condition before it held and this one does.
func (s *IfStatement) ElseIf(condition Arg[bool], body func(*Thread)) *IfStatement {
	t := s.thread
	c := t.condition(condition, "ElseIf")
	if !s.reopen("ElseIf") {
		return s
	}
	t.next = conditionalEdge(c)
	body(t)
	t.join(s.end)
	t.link(s.start, s.end, &lhpb.Edge{})
	t.resume(s.end)
	return s
}

// Else runs body when no condition held.
func (s *IfStatement) Else(body func(*Thread)) {
	t := s.thread
	if !s.reopen("Else") {
		return
	}
	body(t)
	t.join(s.end)
	s.closed = true
	t.resume(s.end)
	if s.end.incoming == 0 {
		delete(t.spec.Nodes, s.end.name)
		t.last = nil
	}
}

// reopen goes back to the start of the statement and takes away the edge for the case that no condition holds.
func (s *IfStatement) reopen(what string) bool {
	t := s.thread
	switch {
	case s.start == nil:
		return false
	case s.closed:
		t.b.fail("%s behind Else", what)
		return false
	case t.last != s.end || len(t.next.VariableMutations) > 0:
		t.b.fail("%s must follow its If at once", what)
		return false
	}
	t.unlinkLast(s.start, s.end)
	t.resume(s.start)
	return true
}

// While repeats body as long as the condition holds; it is tested before each round.
func (t *Thread) While(condition Arg[bool], body func(*Thread)) {
	c := t.condition(condition, "While")
	if !t.open() {
		return
	}
	start := t.nop()
	t.next = conditionalEdge(c)
	body(t)
	if t.last == start && len(t.next.VariableMutations) == 0 {
		t.b.fail("While with an empty body would spin: WaitUntil waits for a condition")
	}
	end := t.newNode("nop", "NOP", nopNode())
	t.join(end)
	t.link(start, end, conditionalEdge(oppositeComparison(c)))
	t.link(end, start, conditionalEdge(c))
	t.resume(end)
}

// DoWhile runs body once and repeats it as long as the condition holds; it is tested behind each round.
func (t *Thread) DoWhile(body func(*Thread), condition Arg[bool]) {
	if !t.open() {
		return
	}
	start := t.nop()
	body(t)
	if t.last == nil {
		t.b.fail("the body of DoWhile always ends in Fail or Complete: there is nothing to repeat")
		return
	}
	if t.last == start && len(t.next.VariableMutations) == 0 {
		t.b.fail("DoWhile with an empty body would spin: WaitUntil waits for a condition")
	}
	c := t.condition(condition, "DoWhile")
	end := t.newNode("nop", "NOP", nopNode())
	t.join(end)
	t.link(end, start, conditionalEdge(c))
	t.resume(end)
}

// oppositeComparison negates a plain comparison; for other conditions it is nil, and the order of the edges decides.
func oppositeComparison(c *lhpb.VariableAssignment) *lhpb.VariableAssignment {
	e := c.GetExpression()
	if _, ok := e.GetOperation().(*lhpb.VariableAssignment_Expression_Comparator); !ok || c.GetTargetType() != nil {
		return nil
	}
	opposite := proto.CloneOf(c)
	opposite.GetExpression().Operation = &lhpb.VariableAssignment_Expression_Comparator{
		Comparator: oppositeComparator[e.GetComparator()],
	}
	return opposite
}

var oppositeComparator = map[lhpb.Comparator]lhpb.Comparator{
	lhpb.Comparator_LESS_THAN:       lhpb.Comparator_GREATER_THAN_EQ,
	lhpb.Comparator_GREATER_THAN_EQ: lhpb.Comparator_LESS_THAN,
	lhpb.Comparator_GREATER_THAN:    lhpb.Comparator_LESS_THAN_EQ,
	lhpb.Comparator_LESS_THAN_EQ:    lhpb.Comparator_GREATER_THAN,
	lhpb.Comparator_EQUALS:          lhpb.Comparator_NOT_EQUALS,
	lhpb.Comparator_NOT_EQUALS:      lhpb.Comparator_EQUALS,
	lhpb.Comparator_IN:              lhpb.Comparator_NOT_IN,
	lhpb.Comparator_NOT_IN:          lhpb.Comparator_IN,
}

// WaitNode is a point of the workflow that waits.
type WaitNode struct {
	FailureHandlers[*WaitNode]
}

// WaitUntil waits until the condition holds; it is tested whenever a variable it reads changes.
func (t *Thread) WaitUntil(condition Arg[bool]) *WaitNode {
	c := t.condition(condition, "WaitUntil")
	w := &WaitNode{}
	w.attach(w, t.add("wait-for-condition", "WAIT_FOR_CONDITION", &lhpb.Node{Node: &lhpb.Node_WaitForCondition{
		WaitForCondition: &lhpb.WaitForConditionNode{
			NodeCondition: &lhpb.WaitForConditionNode_Condition{Condition: c},
		},
	}}))
	return w
}
