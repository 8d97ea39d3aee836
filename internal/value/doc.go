// Package value knows what a VariableValue is and may become: its types, how it is compared, computed,
// changed, cast and written as text, how parts of it are addressed, and how it comes in and goes out.
//
//	v, err := value.Resolve(node.TimeoutSeconds, env)        // a VariableAssignment
//	ok, err := value.EvalEdge(edge, env)                     // may the edge be taken
//	v, err := value.Mutate(mutation, declared, leaving, env) // the variable's new value
//	v, err := value.Validate(declared, v, env)               // a value from outside
//	v = value.Masked(v, declared)                            // a value for a reader
//
// What an assignment may refer to is behind Env, which the caller implements; the package holds nothing.
//
// # Types
//
// The wire speaks of types as *lhpb.TypeDefinition. A declaration may leave it out or empty, and then means
// JSON_OBJ; Normalize makes that explicit, and VarType does it for a VariableDef, old fields included. Every
// function here that takes a *lhpb.TypeDefinition takes declarations, so nil means JSON_OBJ there, unless it
// says otherwise.
//
// What a checker knows of a value before it exists is more: it may be nothing at all, or that the value is
// NULL. That is a Type:
//
//	Type{}              unknown: compatible with everything, nothing is checked
//	Null()              the type of NULL: compatible with everything, but no operand of arithmetic
//	Declared(def)       a declaration; nil means JSON_OBJ
//	Primitive(p)        an unmasked primitive
//	TypeOf(v)           the type of a value: Null() if v is nil or has no value
//
// An array type whose element type is unknown, as that of an empty array, has an InlineArrayDef without
// array_type; a map type likewise. They occur in the result of TypeOf only, never in a normal declaration.
//
// # Values
//
// A nil *lhpb.VariableValue and one without a value are both NULL. Values are shared and immutable: nothing
// here changes a message it was given, and results may share parts with arguments.
//
// The text of a JSON_OBJ or JSON_ARR is stored in normal form, which tells 1 from 1.0. A text that is no
// JSON of its type is malformed: it is kept and shown as it came, and operations see an empty object or list.
//
// # Errors, bounds, sameness
//
// Errors are texts for the user of a workflow; they become the messages of its failures. Nothing panics on
// any input. No value nests deeper than MaxDepth, none becomes larger than MaxBytes, and no evaluation costs
// more than MaxWork; what would is refused with an error that names the bound.
//
// Everything is a function of its arguments, to the bit and on every processor: maps are walked in order of
// their keys, products are rounded before they are added, and powers do not come from the math library.
package value
