package engine_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/lh"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// The language of scenarios for WfSpecs and values. It panics on what it does not understand.

// specScript parses the threads of a WfSpec. The first thread is the entrypoint.
//
//	thread main [retention=1]
//	  var x INT = 5 required searchable public index=$.a
//	  interrupt stop -> handler
//	  ask: TASK greet(x, x + 1) retries=1 timeout=10 backoff=1000,2,1500
//	    on my-exn -> handler
//	    -> other if x > 5 { x = 1; labels add "p" }
//	  form: USER_TASK form user=x group="jedi" notes="hurry" cancelled="gone"
//	    after 2 TASK remind(user)
//	    assigned 4 REASSIGN user=y group="jedi"
//	    assigned 9 CANCEL
//
// A node without "->" goes to the next one; a thread that does not end with EXIT gets one. "->" lines before
// the first node belong to the ENTRYPOINT. A node with "-> nothing" has no way out.
func specScript(name, text string) *lhpb.PutWfSpecRequest {
	s := &scriptParser{spec: &lhpb.PutWfSpecRequest{Name: name, ThreadSpecs: map[string]*lhpb.ThreadSpec{}}}
	for _, line := range strings.Split(text, "\n") {
		if body := strings.TrimSpace(line); body != "" && !strings.HasPrefix(body, "#") {
			s.line(body)
		}
	}
	s.endThread()
	return s.spec
}

type scriptParser struct {
	spec    *lhpb.PutWfSpecRequest
	thread  *lhpb.ThreadSpec
	order   []string
	current string
	edged   map[string]bool
}

func (s *scriptParser) line(line string) {
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case word == "thread":
		s.beginThread(rest)
	case word == "retention":
		s.spec.RetentionPolicy = &lhpb.WorkflowRetentionPolicy{WfGcPolicy: &lhpb.WorkflowRetentionPolicy_SecondsAfterWfTermination{
			SecondsAfterWfTermination: mustInt(rest),
		}}
	case word == "parent":
		s.spec.ParentWfSpec = &lhpb.WfSpec_ParentWfSpecReference{WfSpecName: rest}
	case word == "var":
		s.thread.VariableDefs = append(s.thread.VariableDefs, parseVar(rest))
	case word == "interrupt":
		event, handler := cut2(rest, "->")
		s.thread.InterruptDefs = append(s.thread.InterruptDefs, &lhpb.InterruptDef{
			ExternalEventDefId: &lhpb.ExternalEventDefId{Name: event}, HandlerSpecName: handler,
		})
	case word == "on":
		n := s.thread.Nodes[s.current]
		n.FailureHandlers = append(n.FailureHandlers, parseHandler(rest))
	case word == "each":
		w := s.thread.Nodes[s.current].GetWaitForThreads()
		w.PerThreadFailureHandlers = append(w.PerThreadFailureHandlers, parseHandler(strings.TrimPrefix(rest, "on ")))
	case word == "after", word == "assigned":
		u := s.thread.Nodes[s.current].GetUserTask()
		u.Actions = append(u.Actions, parseAction(word, rest))
	case word == "->":
		s.edge(rest)
	case strings.HasSuffix(word, ":"):
		s.node(strings.TrimSuffix(word, ":"), parseNode(rest))
	default:
		panic("cannot read: " + line)
	}
}

func (s *scriptParser) beginThread(rest string) {
	s.endThread()
	words := strings.Fields(rest)
	s.thread = &lhpb.ThreadSpec{Nodes: map[string]*lhpb.Node{}}
	for _, w := range words[1:] {
		if r, ok := strings.CutPrefix(w, "retention="); ok {
			s.thread.RetentionPolicy = &lhpb.ThreadRetentionPolicy{ThreadGcPolicy: &lhpb.ThreadRetentionPolicy_SecondsAfterThreadTermination{
				SecondsAfterThreadTermination: mustInt(r),
			}}
		}
	}
	if s.spec.EntrypointThreadName == "" {
		s.spec.EntrypointThreadName = words[0]
	}
	s.spec.ThreadSpecs[words[0]] = s.thread
	s.order, s.edged = nil, map[string]bool{}
	s.node("entrypoint", &lhpb.Node{Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}})
}

func (s *scriptParser) node(name string, n *lhpb.Node) {
	s.thread.Nodes[name] = n
	s.order = append(s.order, name)
	s.current = name
}

func (s *scriptParser) edge(rest string) {
	s.edged[s.current] = true
	if rest == "nothing" {
		return
	}
	n := s.thread.Nodes[s.current]
	n.OutgoingEdges = append(n.OutgoingEdges, parseEdge(rest))
}

func (s *scriptParser) endThread() {
	if s.thread == nil {
		return
	}
	last := s.order[len(s.order)-1]
	if s.thread.Nodes[last].GetExit() == nil && !(s.edged[last] && s.thread.Nodes["exit"] != nil) {
		s.node("exit", &lhpb.Node{Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}})
	}
	for i, name := range s.order[:len(s.order)-1] {
		n := s.thread.Nodes[name]
		if n.GetExit() == nil && !s.edged[name] {
			n.OutgoingEdges = []*lhpb.Edge{{SinkNodeName: s.order[i+1]}}
		}
	}
	for _, n := range s.thread.Nodes {
		for _, e := range n.OutgoingEdges {
			if e.SinkNodeName == "next" {
				panic("name the sink")
			}
		}
	}
}

var edgeForm = regexp.MustCompile(`^(\S+)(?: if (.*?))?(?: \{(.*)\})?$`)

func parseEdge(text string) *lhpb.Edge {
	m := edgeForm.FindStringSubmatch(text)
	e := &lhpb.Edge{SinkNodeName: m[1]}
	if m[2] != "" {
		e.EdgeCondition = &lhpb.Edge_Condition{Condition: expr(m[2])}
	}
	for _, mutation := range strings.Split(m[3], ";") {
		if mutation = strings.TrimSpace(mutation); mutation != "" {
			e.VariableMutations = append(e.VariableMutations, parseMutation(mutation))
		}
	}
	return e
}

var operations = map[string]lhpb.VariableMutationType{
	"=": lhpb.VariableMutationType_ASSIGN, "+=": lhpb.VariableMutationType_ADD, "-=": lhpb.VariableMutationType_SUBTRACT,
	"*=": lhpb.VariableMutationType_MULTIPLY, "/=": lhpb.VariableMutationType_DIVIDE, "add": lhpb.VariableMutationType_ADD,
	"extend": lhpb.VariableMutationType_EXTEND, "remove": lhpb.VariableMutationType_REMOVE_IF_PRESENT,
	"remove_key": lhpb.VariableMutationType_REMOVE_KEY, "remove_index": lhpb.VariableMutationType_REMOVE_INDEX,
}

func parseMutation(text string) *lhpb.VariableMutation {
	words := strings.SplitN(text, " ", 3)
	name, path, has := strings.Cut(words[0], "$")
	m := &lhpb.VariableMutation{
		LhsName: name, Operation: operations[words[1]],
		RhsValue: &lhpb.VariableMutation_RhsAssignment{RhsAssignment: expr(words[2])},
	}
	if has {
		path = "$" + path
		m.LhsJsonPath = &path
	}
	return m
}

func parseHandler(text string) *lhpb.FailureHandlerDef {
	what, handler := cut2(text, "->")
	h := &lhpb.FailureHandlerDef{HandlerSpecName: handler}
	switch what {
	case "any":
	case "any-error":
		h.FailureToCatch = &lhpb.FailureHandlerDef_AnyFailureOfType{AnyFailureOfType: lhpb.FailureHandlerDef_FAILURE_TYPE_ERROR}
	case "any-exception":
		h.FailureToCatch = &lhpb.FailureHandlerDef_AnyFailureOfType{AnyFailureOfType: lhpb.FailureHandlerDef_FAILURE_TYPE_EXCEPTION}
	default:
		h.FailureToCatch = &lhpb.FailureHandlerDef_SpecificFailure{SpecificFailure: what}
	}
	return h
}

func parseVar(text string) *lhpb.ThreadVarDef {
	decl, initial, has := strings.Cut(text, " = ")
	words := strings.Fields(decl)
	v := &lhpb.ThreadVarDef{
		VarDef:      &lhpb.VariableDef{Name: words[0], TypeDef: typeDef(words[1])},
		AccessLevel: lhpb.WfRunVariableAccessLevel_PRIVATE_VAR,
	}
	if has {
		v.VarDef.DefaultValue = literal(initial)
	}
	for _, w := range words[2:] {
		switch {
		case w == "required":
			v.Required = true
		case w == "searchable":
			v.Searchable = true
		case w == "public":
			v.AccessLevel = lhpb.WfRunVariableAccessLevel_PUBLIC_VAR
		case w == "inherited":
			v.AccessLevel = lhpb.WfRunVariableAccessLevel_INHERITED_VAR
		case w == "masked":
			v.VarDef.TypeDef = v.VarDef.TypeDef.CloneVT()
			v.VarDef.TypeDef.Masked = true
		case strings.HasPrefix(w, "index="):
			v.JsonIndexes = append(v.JsonIndexes, &lhpb.JsonIndex{FieldPath: strings.TrimPrefix(w, "index=")})
		default:
			panic("cannot read: " + text)
		}
	}
	return v
}

func typeDef(name string) *lhpb.TypeDefinition {
	if inner, ok := strings.CutPrefix(name, "[]"); ok {
		return value.ArrayDef(typeDef(inner))
	}
	p, ok := lhpb.VariableType_value[name]
	if !ok {
		panic("no type " + name)
	}
	return value.PrimitiveDef(lhpb.VariableType(p))
}

var nodeForm = regexp.MustCompile(`^(\S+)\s*(.*)$`)

func parseNode(text string) *lhpb.Node {
	m := nodeForm.FindStringSubmatch(text)
	rest := m[2]
	switch kind := m[1]; kind {
	case "NOP":
		return &lhpb.Node{Node: &lhpb.Node_Nop{Nop: &lhpb.NopNode{}}}
	case "EXIT":
		return parseExit(rest)
	case "TASK":
		return parseTask(rest)
	case "EVENT":
		return parseEvent(rest)
	case "SLEEP":
		return parseSleep(rest)
	case "START":
		name, inputs := call(rest)
		return &lhpb.Node{Node: &lhpb.Node_StartThread{StartThread: &lhpb.StartThreadNode{ThreadSpecName: name, Variables: inputs}}}
	case "START_MANY":
		target, list := cut2(rest, " over ")
		name, inputs := call(target)
		return &lhpb.Node{Node: &lhpb.Node_StartMultipleThreads{StartMultipleThreads: &lhpb.StartMultipleThreadsNode{
			ThreadSpecName: name, Variables: inputs, Iterable: expr(list),
		}}}
	case "WAIT_ALL", "WAIT_ANY", "WAIT_FIRST":
		return parseWait(kind, rest)
	case "CONDITION":
		return &lhpb.Node{Node: &lhpb.Node_WaitForCondition{WaitForCondition: &lhpb.WaitForConditionNode{
			NodeCondition: &lhpb.WaitForConditionNode_Condition{Condition: expr(rest)},
		}}}
	case "THROW":
		name, content, has := strings.Cut(rest, " ")
		n := &lhpb.ThrowEventNode{EventDefId: &lhpb.WorkflowEventDefId{Name: name}}
		if has {
			n.Content = expr(content)
		}
		return &lhpb.Node{Node: &lhpb.Node_ThrowEvent{ThrowEvent: n}}
	case "RUN_CHILD":
		what, id, chosen := strings.Cut(rest, " id=")
		name, inputs := call(what)
		n := &lhpb.RunChildWfNode{WfSpec: &lhpb.RunChildWfNode_WfSpecName{WfSpecName: name}, MajorVersion: -1, Inputs: inputs}
		if chosen {
			n.ChildId = expr(id)
		}
		return &lhpb.Node{Node: &lhpb.Node_RunChildWf{RunChildWf: n}}
	case "RUN_DYNAMIC_CHILD":
		return &lhpb.Node{Node: &lhpb.Node_RunChildWf{RunChildWf: &lhpb.RunChildWfNode{
			WfSpec: &lhpb.RunChildWfNode_WfSpecVar{WfSpecVar: expr(rest)}, MajorVersion: -1,
		}}}
	case "WAIT_CHILD":
		return &lhpb.Node{Node: &lhpb.Node_WaitForChildWf{WaitForChildWf: &lhpb.WaitForChildWfNode{
			ChildWfRunId: expr(fmt.Sprintf("out(%q)", rest)), ChildWfRunSourceNode: rest,
		}}}
	case "USER_TASK":
		return parseUserTask(rest)
	default:
		panic("no kind of node " + kind)
	}
}

func parseExit(rest string) *lhpb.Node {
	e := &lhpb.ExitNode{}
	if content, ok := strings.CutPrefix(rest, "return "); ok {
		e.Result = &lhpb.ExitNode_ReturnContent{ReturnContent: expr(content)}
	}
	if def, ok := strings.CutPrefix(rest, "fail "); ok {
		name, message := cut2(def, " ")
		f := &lhpb.FailureDef{FailureName: name}
		if text, content, has := strings.Cut(message, " with "); has {
			message = text
			f.Content = expr(content)
		}
		f.Message = mustUnquote(message)
		e.Result = &lhpb.ExitNode_FailureDef{FailureDef: f}
	}
	return &lhpb.Node{Node: &lhpb.Node_Exit{Exit: e}}
}

func parseTask(rest string) *lhpb.Node {
	target, options := splitOptions(rest)
	t := &lhpb.TaskNode{}
	head, args, _ := strings.Cut(strings.TrimSuffix(target, ")"), "(")
	if dynamic, ok := strings.CutPrefix(head, "*"); ok {
		t.TaskToExecute = &lhpb.TaskNode_DynamicTask{DynamicTask: expr(dynamic)}
	} else {
		t.TaskToExecute = &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: head}}
	}
	t.Variables = exprList(args)
	for k, v := range options {
		switch k {
		case "retries":
			t.Retries = int32(mustInt(v))
		case "timeout":
			t.TimeoutSeconds = int32(mustInt(v))
		case "backoff":
			p := strings.Split(v, ",")
			f, _ := strconv.ParseFloat(p[1], 32)
			t.ExponentialBackoff = &lhpb.ExponentialBackoffRetryPolicy{
				BaseIntervalMs: int32(mustInt(p[0])), Multiplier: float32(f), MaxDelayMs: mustInt(p[2]),
			}
		}
	}
	return &lhpb.Node{Node: &lhpb.Node_Task{Task: t}}
}

func parseEvent(rest string) *lhpb.Node {
	name, options := splitOptions(rest)
	e := &lhpb.ExternalEventNode{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: name}}
	if t, ok := options["timeout"]; ok {
		e.TimeoutSeconds = expr(t)
	}
	if k, ok := options["key"]; ok {
		e.CorrelationKey = expr(k)
	}
	return &lhpb.Node{Node: &lhpb.Node_ExternalEvent{ExternalEvent: e}}
}

func parseUserTask(rest string) *lhpb.Node {
	name, options := splitOptions(rest)
	return &lhpb.Node{Node: &lhpb.Node_UserTask{UserTask: &lhpb.UserTaskNode{
		UserTaskDefName: name, UserId: optionalExpr(options["user"]), UserGroup: optionalExpr(options["group"]),
		Notes: optionalExpr(options["notes"]), OnCancellationExceptionName: optionalExpr(options["cancelled"]),
	}}}
}

// parseAction reads what happens so long after the arrival ("after"), or after an assignment ("assigned").
func parseAction(hook, text string) *lhpb.UTActionTrigger {
	delay, what := cut2(text, " ")
	a := &lhpb.UTActionTrigger{DelaySeconds: expr(delay)}
	if hook == "assigned" {
		a.Hook = lhpb.UTActionTrigger_ON_TASK_ASSIGNED
	}
	kind, rest, _ := strings.Cut(what, " ")
	switch kind {
	case "TASK":
		a.Action = &lhpb.UTActionTrigger_Task{Task: &lhpb.UTActionTrigger_UTATask{Task: parseTask(rest).GetTask()}}
	case "REASSIGN":
		_, options := splitOptions("to " + rest)
		a.Action = &lhpb.UTActionTrigger_Reassign{Reassign: &lhpb.UTActionTrigger_UTAReassign{
			UserId: optionalExpr(options["user"]), UserGroup: optionalExpr(options["group"]),
		}}
	case "CANCEL":
		a.Action = &lhpb.UTActionTrigger_Cancel{Cancel: &lhpb.UTActionTrigger_UTACancel{}}
	default:
		panic("no action " + what)
	}
	return a
}

func optionalExpr(text string) *lhpb.VariableAssignment {
	if text == "" {
		return nil
	}
	return expr(text)
}

func parseSleep(rest string) *lhpb.Node {
	s := &lhpb.SleepNode{}
	if iso, ok := strings.CutPrefix(rest, "until "); ok {
		s.SleepLength = &lhpb.SleepNode_IsoDate{IsoDate: expr(iso)}
	} else if at, ok := strings.CutPrefix(rest, "at "); ok {
		s.SleepLength = &lhpb.SleepNode_Timestamp{Timestamp: expr(at)}
	} else {
		s.SleepLength = &lhpb.SleepNode_RawSeconds{RawSeconds: expr(rest)}
	}
	return &lhpb.Node{Node: &lhpb.Node_Sleep{Sleep: s}}
}

func parseWait(kind, rest string) *lhpb.Node {
	w := &lhpb.WaitForThreadsNode{Strategy: map[string]lhpb.WaitForThreadsStrategy{
		"WAIT_ALL": lhpb.WaitForThreadsStrategy_WAIT_FOR_ALL, "WAIT_ANY": lhpb.WaitForThreadsStrategy_WAIT_FOR_ANY,
		"WAIT_FIRST": lhpb.WaitForThreadsStrategy_WAIT_FOR_FIRST,
	}[kind]}
	if list, ok := strings.CutPrefix(rest, "list "); ok {
		w.ThreadsToWaitFor = &lhpb.WaitForThreadsNode_ThreadList{ThreadList: expr(list)}
	} else if rest != "" {
		threads := &lhpb.WaitForThreadsNode_ThreadsToWaitFor{}
		for _, e := range exprList(rest) {
			threads.Threads = append(threads.Threads, &lhpb.WaitForThreadsNode_ThreadToWaitFor{ThreadRunNumber: e})
		}
		w.ThreadsToWaitFor = &lhpb.WaitForThreadsNode_Threads{Threads: threads}
	}
	return &lhpb.Node{Node: &lhpb.Node_WaitForThreads{WaitForThreads: w}}
}

// splitOptions takes "name(args) k=v k=v" apart.
func splitOptions(text string) (head string, options map[string]string) {
	options = map[string]string{}
	for {
		i := strings.LastIndex(text, " ")
		if i < 0 {
			return text, options
		}
		k, v, ok := strings.Cut(text[i+1:], "=")
		if !ok || strings.ContainsAny(k, `()"`) {
			return text, options
		}
		options[k] = v
		text = strings.TrimSpace(text[:i])
	}
}

// call reads "name(a = 1, b = x)".
func call(text string) (string, map[string]*lhpb.VariableAssignment) {
	name, args, has := strings.Cut(strings.TrimSuffix(strings.TrimSpace(text), ")"), "(")
	if !has || strings.TrimSpace(args) == "" {
		return strings.TrimSuffix(name, ")"), nil
	}
	inputs := map[string]*lhpb.VariableAssignment{}
	for _, arg := range splitArgs(args) {
		k, v := cut2(arg, "=")
		inputs[k] = expr(v)
	}
	return name, inputs
}

// splitArgs splits at the commas that are not within brackets or quotes.
func splitArgs(text string) []string {
	var out []string
	depth, quoted, start := 0, false, 0
	for i, c := range text {
		switch {
		case c == '"' && (i == 0 || text[i-1] != '\\'):
			quoted = !quoted
		case quoted:
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
		case c == ',' && depth == 0:
			out = append(out, strings.TrimSpace(text[start:i]))
			start = i + 1
		}
	}
	if rest := strings.TrimSpace(text[start:]); rest != "" {
		out = append(out, rest)
	}
	return out
}

func exprList(text string) []*lhpb.VariableAssignment {
	var out []*lhpb.VariableAssignment
	for _, a := range splitArgs(text) {
		out = append(out, expr(a))
	}
	return out
}

// expr reads an assignment in the syntax of Go: names are variables, calls are sources and paths.
func expr(text string) *lhpb.VariableAssignment {
	e, err := parser.ParseExpr(text)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", text, err))
	}
	return assignment(e)
}

func literal(text string) *lhpb.VariableValue {
	a := expr(text)
	v, ok := a.Source.(*lhpb.VariableAssignment_LiteralValue)
	if !ok {
		panic("not a literal: " + text)
	}
	return v.LiteralValue
}

func literalOf(v *lhpb.VariableValue) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_LiteralValue{LiteralValue: v}}
}

func assignment(e ast.Expr) *lhpb.VariableAssignment {
	switch x := e.(type) {
	case *ast.ParenExpr:
		return assignment(x.X)
	case *ast.BasicLit:
		return literalOf(basicLiteral(x))
	case *ast.UnaryExpr:
		a := assignment(x.X)
		switch v := a.GetLiteralValue().GetValue().(type) {
		case *lhpb.VariableValue_Int:
			return literalOf(value.Int(-v.Int))
		case *lhpb.VariableValue_Double:
			return literalOf(value.Double(-v.Double))
		}
	case *ast.Ident:
		switch x.Name {
		case "true", "false":
			return literalOf(value.Bool(x.Name == "true"))
		case "null":
			return literalOf(value.NullValue())
		}
		return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_VariableName{VariableName: x.Name}}
	case *ast.BinaryExpr:
		return binaryExpr(x)
	case *ast.CallExpr:
		return callExpr(x)
	}
	panic(fmt.Sprintf("cannot read %T", e))
}

func basicLiteral(x *ast.BasicLit) *lhpb.VariableValue {
	switch x.Kind {
	case token.INT:
		return value.Int(mustInt(x.Value))
	case token.FLOAT:
		f, _ := strconv.ParseFloat(x.Value, 64)
		return value.Double(f)
	default:
		return value.Str(mustUnquote(x.Value))
	}
}

var comparators = map[token.Token]lhpb.Comparator{
	token.EQL: lhpb.Comparator_EQUALS, token.NEQ: lhpb.Comparator_NOT_EQUALS, token.LSS: lhpb.Comparator_LESS_THAN,
	token.GTR: lhpb.Comparator_GREATER_THAN, token.LEQ: lhpb.Comparator_LESS_THAN_EQ, token.GEQ: lhpb.Comparator_GREATER_THAN_EQ,
}

var arithmetic = map[token.Token]lhpb.VariableMutationType{
	token.ADD: lhpb.VariableMutationType_ADD, token.SUB: lhpb.VariableMutationType_SUBTRACT,
	token.MUL: lhpb.VariableMutationType_MULTIPLY, token.QUO: lhpb.VariableMutationType_DIVIDE,
	token.LAND: lhpb.VariableMutationType_AND, token.LOR: lhpb.VariableMutationType_OR,
}

func binaryExpr(x *ast.BinaryExpr) *lhpb.VariableAssignment {
	e := &lhpb.VariableAssignment_Expression{Lhs: assignment(x.X), Rhs: assignment(x.Y)}
	if c, ok := comparators[x.Op]; ok {
		e.Operation = &lhpb.VariableAssignment_Expression_Comparator{Comparator: c}
	} else {
		e.Operation = &lhpb.VariableAssignment_Expression_MutationType{MutationType: arithmetic[x.Op]}
	}
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_Expression_{Expression: e}}
}

func callExpr(x *ast.CallExpr) *lhpb.VariableAssignment {
	name := x.Fun.(*ast.Ident).Name
	text := func(i int) string { return mustUnquote(x.Args[i].(*ast.BasicLit).Value) }
	withPath := func(a *lhpb.VariableAssignment, i int) *lhpb.VariableAssignment {
		if len(x.Args) > i {
			a.Path = &lhpb.VariableAssignment_JsonPath{JsonPath: text(i)}
		}
		return a
	}
	switch name {
	case "out":
		return withPath(&lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_NodeOutput{
			NodeOutput: &lhpb.VariableAssignment_NodeOutputReference{NodeName: text(0)},
		}}, 1)
	case "path":
		return withPath(assignment(x.Args[0]), 1)
	case "cast":
		a := assignment(x.Args[0])
		a.TargetType = typeDef(x.Args[1].(*ast.Ident).Name)
		return a
	case "size":
		return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_SizeOf_{
			SizeOf: &lhpb.VariableAssignment_SizeOf{Operand: assignment(x.Args[0])},
		}}
	case "format":
		f := &lhpb.VariableAssignment_FormatString{Format: assignment(x.Args[0])}
		for _, a := range x.Args[1:] {
			f.Args = append(f.Args, assignment(a))
		}
		return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_FormatString_{FormatString: f}}
	case "json":
		if strings.HasPrefix(text(0), "[") {
			return literalOf(value.JSONArr(text(0)))
		}
		return literalOf(value.JSONObj(text(0)))
	case "repeat":
		return literalOf(value.Str(strings.Repeat(text(0), int(mustInt(x.Args[1].(*ast.BasicLit).Value)))))
	case "wfrun":
		return literalOf(value.WfRunID(lh.ParseWfRunID(text(0))))
	case "bytes":
		return literalOf(value.Bytes([]byte(text(0))))
	case "time":
		return literalOf(value.Timestamp(&timestamppb.Timestamp{Seconds: mustInt(x.Args[0].(*ast.BasicLit).Value)}))
	case "array":
		a := &lhpb.Array{}
		for _, item := range x.Args {
			a.Items = append(a.Items, assignment(item).GetLiteralValue())
		}
		return literalOf(value.Array(a))
	default:
		panic("no function " + name)
	}
}

func cut2(text, sep string) (string, string) {
	a, b, ok := strings.Cut(text, sep)
	if !ok {
		panic(fmt.Sprintf("%q without %q", text, sep))
	}
	return strings.TrimSpace(a), strings.TrimSpace(b)
}

func mustInt(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func mustUnquote(text string) string {
	s, err := strconv.Unquote(strings.TrimSpace(text))
	if err != nil {
		panic(text + ": " + err.Error())
	}
	return s
}
