package wf

import (
	"fmt"
	"regexp"
	"strconv"

	"google.golang.org/protobuf/proto"

	lh "littlehorse/sdk/client"

	"littlehorse/lhpb"
)

// None is the type of tasks and events that carry nothing.
type None struct{}

// In gives variables to a thread or a child WfRun, by name.
type In map[string]any

// Expr is whatever may stand on a right-hand side: variables, outputs of nodes, expressions.
type Expr interface {
	operand() *operand
}

// Arg is an Expr whose Go type is known.
type Arg[T any] interface {
	Expr
	typed(T)
}

// operand is an assignment under construction, with what a thread must check before it uses it.
type operand struct {
	pb    *lhpb.VariableAssignment
	typ   *lhpb.TypeDefinition // nil: not known before the run
	vars  []*variable
	nodes []*node
	err   error
}

// operandOf takes an Expr as it is and anything else as a literal.
func operandOf(x any) *operand {
	if e, ok := x.(Expr); ok {
		return e.operand()
	}
	return literal(x)
}

func literal(x any) *operand {
	v, err := lh.Value(x)
	if err != nil {
		return &operand{err: err}
	}
	return &operand{
		pb:  &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_LiteralValue{LiteralValue: v}},
		typ: valueType(v),
	}
}

func failed(format string, args ...any) *operand { return &operand{err: fmt.Errorf(format, args...)} }

// combine makes an operand that depends on others.
func combine(pb *lhpb.VariableAssignment, typ *lhpb.TypeDefinition, parts ...*operand) *operand {
	o := &operand{pb: pb, typ: typ}
	for _, p := range parts {
		o.vars = append(o.vars, p.vars...)
		o.nodes = append(o.nodes, p.nodes...)
		if o.err == nil {
			o.err = p.err
		}
	}
	return o
}

// Value is an expression of a known Go type. The operations take any Expr, Go value or nil.
type Value[T any] struct {
	op *operand
}

func (v Value[T]) operand() *operand {
	if v.op == nil {
		return failed("this value comes from no declaration, output or literal")
	}
	return v.op
}

func (Value[T]) typed(T) {}

// Lit is a literal of a known type.
func Lit[T any](v T) Value[T] { return Value[T]{literal(v)} }

// As gives an expression another Go type. Nothing is converted: it is a promise to the compiler.
func As[T any](x Expr) Value[T] { return Value[T]{x.operand()} }

// Cast converts at run time: between numbers, from and to STR. A value that cannot be converted is a VAR_SUB_ERROR.
func Cast[T any](x Expr) Value[T] {
	o := x.operand()
	t, err := typeOf[T]()
	switch {
	case o.err != nil:
		return Value[T]{o}
	case err != nil:
		return Value[T]{&operand{err: err}}
	case t == nil:
		return Value[T]{failed("Cast needs a type that LittleHorse knows")}
	case o.pb.TargetType != nil:
		return Value[T]{failed("a cast of a cast: store the first in a variable")}
	}
	pb := proto.CloneOf(o.pb)
	pb.TargetType = t
	return Value[T]{combine(pb, t, o)}
}

// JSONPath takes a part out of a JSON value.
func JSONPath[T any](x Expr, path string) Value[T] {
	o := x.operand()
	if o.err != nil {
		return Value[T]{o}
	}
	if o.pb.Path != nil || o.pb.TargetType != nil {
		return Value[T]{failed("JSONPath of a value that already has a path or a cast: store it in a variable")}
	}
	pb := proto.CloneOf(o.pb)
	pb.Path = &lhpb.VariableAssignment_JsonPath{JsonPath: path}
	return Value[T]{combine(pb, nil, o)}
}

// Field takes a field of a Struct, an entry of a Map or a key of a JSON object; more names lead deeper.
func Field[T any](x Expr, names ...string) Value[T] {
	var path []*lhpb.LHPath_Selector
	for _, name := range names {
		path = append(path, &lhpb.LHPath_Selector{SelectorType: &lhpb.LHPath_Selector_Key{Key: name}})
	}
	return Value[T]{descend(x, path)}
}

// Index takes an item of an Array or a JSON array, the first being 0.
func Index[T any](x Expr, i int32) Value[T] {
	return Value[T]{descend(x, []*lhpb.LHPath_Selector{{SelectorType: &lhpb.LHPath_Selector_Index{Index: i}}})}
}

func descend(x Expr, path []*lhpb.LHPath_Selector) *operand {
	o := x.operand()
	if o.err != nil {
		return o
	}
	if len(path) == 0 {
		return failed("Field needs a name")
	}
	if _, ok := o.pb.Path.(*lhpb.VariableAssignment_JsonPath); ok || o.pb.TargetType != nil {
		return failed("a field of a value that has a JSONPath or a cast: store it in a variable")
	}
	pb := proto.CloneOf(o.pb)
	before := pb.GetLhPath().GetPath()
	pb.Path = &lhpb.VariableAssignment_LhPath{LhPath: &lhpb.LHPath{Path: append(before, path...)}}
	return combine(pb, nil, o)
}

// Size is the number of characters of a STR or of items of an Array or JSON array.
func Size(x Expr) Value[int64] {
	o := x.operand()
	if o.err != nil {
		return Value[int64]{o}
	}
	return Value[int64]{combine(&lhpb.VariableAssignment{
		Source: &lhpb.VariableAssignment_SizeOf_{SizeOf: &lhpb.VariableAssignment_SizeOf{Operand: o.pb}},
	}, primitive(lhpb.VariableType_INT), o)}
}

var placeholder = regexp.MustCompile(`\{(\d+)`)

// Format fills {0}, {1} … of a text with values. A single apostrophe quotes; two make one.
func Format(format string, args ...any) Value[string] {
	for _, match := range placeholder.FindAllStringSubmatch(format, -1) {
		if n, err := strconv.Atoi(match[1]); err != nil || n >= len(args) {
			return Value[string]{failed("Format %q has no argument for {%s}", format, match[1])}
		}
	}
	parts := make([]*operand, len(args))
	spec := &lhpb.VariableAssignment_FormatString{Format: literal(format).pb}
	for i, arg := range args {
		parts[i] = operandOf(arg)
		spec.Args = append(spec.Args, parts[i].pb)
	}
	return Value[string]{combine(&lhpb.VariableAssignment{
		Source: &lhpb.VariableAssignment_FormatString_{FormatString: spec},
	}, primitive(lhpb.VariableType_STR), parts...)}
}

// NewStruct builds a value of the StructDef of T from its fields, by their LittleHorse names. An In among them is a struct
// within it.
func NewStruct[T lh.Struct](fields In) Value[T] {
	t, err := typeOf[T]()
	if err != nil {
		return Value[T]{&operand{err: err}}
	}
	return Value[T]{structOf(t, fields)}
}

// BuildStruct is NewStruct for a StructDef that no Go type stands for. The version -1 means the newest.
func BuildStruct(structDef string, version int32, fields In) Value[any] {
	return Value[any]{structOf(structType(structDef, version), fields)}
}

func structOf(t *lhpb.TypeDefinition, fields In) *operand {
	builder, parts := inlineStruct(fields)
	return combine(&lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_StructBuilder{
		StructBuilder: &lhpb.StructBuilder{StructDefId: t.GetStructDefId(), Value: builder},
	}}, t, parts...)
}

// inlineStruct is a struct by its fields, and what they are made of.
func inlineStruct(fields In) (builder *lhpb.InlineStructBuilder, parts []*operand) {
	builder = &lhpb.InlineStructBuilder{Fields: map[string]*lhpb.InlineStructFieldValue{}}
	for _, name := range sortedNames(fields) {
		if within, is := fields[name].(In); is {
			inner, used := inlineStruct(within)
			builder.Fields[name], parts = subStructure(inner), append(parts, used...)
			continue
		}
		o := operandOf(fields[name])
		parts = append(parts, o)
		if inner := o.pb.GetStructBuilder(); inner != nil {
			builder.Fields[name] = subStructure(inner.Value)
			continue
		}
		builder.Fields[name] = &lhpb.InlineStructFieldValue{
			StructValue: &lhpb.InlineStructFieldValue_SimpleValue{SimpleValue: o.pb},
		}
	}
	return builder, parts
}

func subStructure(b *lhpb.InlineStructBuilder) *lhpb.InlineStructFieldValue {
	return &lhpb.InlineStructFieldValue{StructValue: &lhpb.InlineStructFieldValue_SubStructure{SubStructure: b}}
}
