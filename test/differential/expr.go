package main

import (
	"fmt"

	"littlehorse/lhpb"
)

func str(s string) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: s}}
}

func integer(n int64) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Int{Int: n}}
}

func object(s string) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonObj{JsonObj: s}}
}

func list(s string) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonArr{JsonArr: s}}
}

func boolean(b bool) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Bool{Bool: b}}
}

func double(f float64) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Double{Double: f}}
}

func literal(v *lhpb.VariableValue) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_LiteralValue{LiteralValue: v}}
}

func variable(name string) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_VariableName{VariableName: name}}
}

func path(a *lhpb.VariableAssignment, p string) *lhpb.VariableAssignment {
	a.Path = &lhpb.VariableAssignment_JsonPath{JsonPath: p}
	return a
}

func output(node string) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_NodeOutput{
		NodeOutput: &lhpb.VariableAssignment_NodeOutputReference{NodeName: node},
	}}
}

func calculate(l *lhpb.VariableAssignment, op lhpb.VariableMutationType, r *lhpb.VariableAssignment) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_Expression_{Expression: &lhpb.VariableAssignment_Expression{
		Lhs: l, Rhs: r, Operation: &lhpb.VariableAssignment_Expression_MutationType{MutationType: op},
	}}}
}

func compare(l *lhpb.VariableAssignment, op lhpb.Comparator, r *lhpb.VariableAssignment) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_Expression_{Expression: &lhpb.VariableAssignment_Expression{
		Lhs: l, Rhs: r, Operation: &lhpb.VariableAssignment_Expression_Comparator{Comparator: op},
	}}}
}

func format(f string, args ...*lhpb.VariableAssignment) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_FormatString_{FormatString: &lhpb.VariableAssignment_FormatString{
		Format: literal(str(f)), Args: args,
	}}}
}

func sizeOf(a *lhpb.VariableAssignment) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_SizeOf_{SizeOf: &lhpb.VariableAssignment_SizeOf{Operand: a}}}
}

func cast(a *lhpb.VariableAssignment, to lhpb.VariableType) *lhpb.VariableAssignment {
	a.TargetType = primitive(to)
	return a
}

func primitive(t lhpb.VariableType) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: t}}
}

func variableDef(name string, t lhpb.VariableType, value *lhpb.VariableValue) *lhpb.ThreadVarDef {
	return &lhpb.ThreadVarDef{
		VarDef:      &lhpb.VariableDef{Name: name, TypeDef: primitive(t), DefaultValue: value},
		AccessLevel: lhpb.WfRunVariableAccessLevel_PRIVATE_VAR,
	}
}

// pick chooses one of several, lazily.
func pick[T any](g *generator, choices ...func() T) T { return choices[g.rng.IntN(len(choices))]() }

// number is an assignment that gives an INT, mostly.
func (g *generator) number(b *body, depth int) *lhpb.VariableAssignment {
	n := func() *lhpb.VariableAssignment { return literal(integer(int64(g.rng.IntN(7) - 1))) }
	v := func() *lhpb.VariableAssignment { return variable("i") }
	if depth == 0 {
		return pick(g, n, v, func() *lhpb.VariableAssignment { return variable("k") })
	}
	return pick(g, n, v,
		func() *lhpb.VariableAssignment { return g.outputOf(b, lhpb.VariableType_INT, v) },
		func() *lhpb.VariableAssignment { return path(variable("j"), "$.n") },
		func() *lhpb.VariableAssignment { return sizeOf(variable([]string{"s", "l"}[g.rng.IntN(2)])) },
		func() *lhpb.VariableAssignment { return cast(variable("d"), lhpb.VariableType_INT) },
		func() *lhpb.VariableAssignment {
			return calculate(g.number(b, depth-1), arithmetic[g.rng.IntN(len(arithmetic))], g.number(b, depth-1))
		},
	)
}

var arithmetic = []lhpb.VariableMutationType{
	lhpb.VariableMutationType_ADD, lhpb.VariableMutationType_SUBTRACT, lhpb.VariableMutationType_MULTIPLY,
	lhpb.VariableMutationType_DIVIDE, lhpb.VariableMutationType_POW,
}

// text is an assignment that gives a STR, mostly.
func (g *generator) text(b *body, depth int) *lhpb.VariableAssignment {
	s := func() *lhpb.VariableAssignment { return literal(str(fmt.Sprintf("t%d", g.rng.IntN(3)))) }
	v := func() *lhpb.VariableAssignment { return variable("s") }
	if depth == 0 {
		return pick(g, s, v)
	}
	return pick(g, s, v,
		func() *lhpb.VariableAssignment { return g.outputOf(b, lhpb.VariableType_STR, v) },
		func() *lhpb.VariableAssignment { return path(variable("j"), "$.t") },
		func() *lhpb.VariableAssignment {
			return path(g.outputOf(b, lhpb.VariableType_JSON_OBJ, func() *lhpb.VariableAssignment { return variable("j") }), "$.t")
		},
		func() *lhpb.VariableAssignment { return format("{0}/{1}", g.text(b, depth-1), g.number(b, depth-1)) },
		func() *lhpb.VariableAssignment { return format("{0} {1}", variable("b"), variable("d")) },
		func() *lhpb.VariableAssignment {
			return calculate(g.text(b, depth-1), lhpb.VariableMutationType_EXTEND, g.text(b, 0))
		},
	)
}

// condition is an assignment that gives a BOOL, mostly.
func (g *generator) condition(b *body, depth int) *lhpb.VariableAssignment {
	number := func() *lhpb.VariableAssignment {
		return compare(g.number(b, 1), lhpb.Comparator(g.rng.IntN(6)), g.number(b, 1))
	}
	if depth == 0 {
		return number()
	}
	return pick(g, number, number,
		func() *lhpb.VariableAssignment {
			return compare(g.text(b, 1), lhpb.Comparator(4+g.rng.IntN(2)), g.text(b, 1))
		},
		func() *lhpb.VariableAssignment {
			return compare(g.text(b, 0), lhpb.Comparator(6+g.rng.IntN(2)), variable("l"))
		},
		func() *lhpb.VariableAssignment { return variable("b") },
		func() *lhpb.VariableAssignment {
			return calculate(g.condition(b, depth-1), lhpb.VariableMutationType(9+g.rng.IntN(2)), g.condition(b, depth-1))
		},
	)
}

// outputOf is the output of an earlier node of the thread that has this type.
func (g *generator) outputOf(b *body, t lhpb.VariableType, otherwise func() *lhpb.VariableAssignment) *lhpb.VariableAssignment {
	nodes := b.outputs[t]
	if len(nodes) == 0 {
		return otherwise()
	}
	return output(nodes[g.rng.IntN(len(nodes))])
}

func assign(name string, op lhpb.VariableMutationType, rhs *lhpb.VariableAssignment) *lhpb.VariableMutation {
	return &lhpb.VariableMutation{LhsName: name, Operation: op, RhsValue: &lhpb.VariableMutation_RhsAssignment{RhsAssignment: rhs}}
}

// mutation changes one of the variables of thread main.
func (g *generator) mutation(b *body) *lhpb.VariableMutation {
	return pick(g,
		func() *lhpb.VariableMutation { return assign("i", lhpb.VariableMutationType_ASSIGN, g.number(b, 2)) },
		func() *lhpb.VariableMutation {
			return assign("i", arithmetic[g.rng.IntN(len(arithmetic)-1)], g.number(b, 1))
		},
		func() *lhpb.VariableMutation { return assign("s", lhpb.VariableMutationType_ASSIGN, g.text(b, 2)) },
		func() *lhpb.VariableMutation { return assign("b", lhpb.VariableMutationType_ASSIGN, g.condition(b, 1)) },
		func() *lhpb.VariableMutation { return assign("d", arithmetic[g.rng.IntN(3)], g.number(b, 0)) },
		func() *lhpb.VariableMutation {
			m := assign("j", lhpb.VariableMutationType_ASSIGN, g.text(b, 1))
			m.LhsJsonPath = new(string)
			*m.LhsJsonPath = []string{"$.t", "$.u.v", "$.n"}[g.rng.IntN(3)]
			return m
		},
		func() *lhpb.VariableMutation {
			m := assign("j", lhpb.VariableMutationType_ADD, g.number(b, 1))
			m.LhsJsonPath = new(string)
			*m.LhsJsonPath = "$.n"
			return m
		},
		func() *lhpb.VariableMutation {
			return assign("l", lhpb.VariableMutationType_REMOVE_IF_PRESENT, g.text(b, 0))
		},
		func() *lhpb.VariableMutation {
			return assign("j", lhpb.VariableMutationType_REMOVE_KEY, literal(str("t")))
		},
	)
}
