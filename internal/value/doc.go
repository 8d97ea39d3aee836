// Package value knows what a VariableValue is and may become: its types, how it is compared, computed,
// changed, cast and written as text, how parts of it are addressed, and how it comes in and goes out.
//
// # Types
//
// The wire speaks of types as *lhpb.TypeDefinition. A declaration may leave it out or empty, and then means
// JSON_OBJ; Normalize makes that explicit, and VarType does it for a VariableDef, old fields included. Every
// function here that takes a *lhpb.TypeDefinition takes declarations, so nil means JSON_OBJ there.
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
// # Errors and bounds
//
// Errors are texts for the user of a workflow; they become the messages of its failures. Nothing panics on
// any input. No value nests deeper than MaxDepth and none becomes larger than MaxBytes.
package value
