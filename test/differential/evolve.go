package main

import (
	"fmt"
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// evolving puts definitions of one kind again and again, each time a bit different, and reads and deletes them.
func evolving(n names) historyPlan {
	rng := n.rng(2)
	writers := []func(names, *rand.Rand) historyPlan{structDefs, structDefs, structDefs, structDefs, taskDefs, userTaskDefs, externalEventDefs, workflowEventDefs}
	p := writers[rng.IntN(len(writers))](n, rng)
	p.kind, p.calm = "definitions", true
	for i := range p.definitions {
		p.definitions[i].invalid, p.definitions[i].pause = true, metadataPause
	}
	return p
}

// oneOf chooses an item.
func oneOf[T any](rng *rand.Rand, items ...T) T { return items[rng.IntN(len(items))] }

// defName is the name of a definition of this history, now and then one that no definition may have.
func (n names) defName(rng *rand.Rand, word string) string {
	if rng.IntN(24) == 0 {
		return oneOf(rng, n.numbered(word)+"_X", "", n.numbered(word)+"-")
	}
	return n.numbered(word)
}

func structType(name string, version int32) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_StructDefId{StructDefId: &lhpb.StructDefId{Name: name, Version: version}}}
}

func arrayType(of *lhpb.TypeDefinition) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_InlineArrayDef{InlineArrayDef: &lhpb.InlineArrayDef{ArrayType: of}}}
}

func mapType(key, value *lhpb.TypeDefinition) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_InlineMapDef{InlineMapDef: &lhpb.InlineMapDef{KeyType: key, ValueType: value}}}
}

// anyType is a type that a definition may use, or seldom one that it may not.
func (n names) anyType(rng *rand.Rand) *lhpb.TypeDefinition {
	if rng.IntN(16) == 0 {
		return oneOf(rng, structType(n.numbered("nobody"), 0), structType(n.structDef(), 7), primitive(lhpb.VariableType_JSON_OBJ))
	}
	return n.plainType(rng)
}

// plainType is one that every definition may use.
func (n names) plainType(rng *rand.Rand) *lhpb.TypeDefinition {
	switch rng.IntN(20) {
	case 0:
		return arrayType(primitive(lhpb.VariableType_INT))
	case 1:
		return mapType(primitive(lhpb.VariableType_STR), primitive(lhpb.VariableType_DOUBLE))
	case 2:
		return structType(n.structDef(), 0)
	case 3:
		t := primitive(lhpb.VariableType_STR)
		t.Masked = true
		return t
	}
	return primitive(oneOf(rng, lhpb.VariableType_INT, lhpb.VariableType_STR, lhpb.VariableType_BOOL, lhpb.VariableType_DOUBLE,
		lhpb.VariableType_TIMESTAMP, lhpb.VariableType_WF_RUN_ID, lhpb.VariableType_BYTES))
}

// anyValue is a value of a kind that forms and records are made of.
func anyValue(rng *rand.Rand) *lhpb.VariableValue {
	return oneOf(rng, integer(1), str("x"), boolean(true), double(1.5), &lhpb.VariableValue{}, str("7"))
}

// structDefs changes the fields of two StructDefs, of which one is part of the other, and then runs a WfSpec
// with a variable of that type.
func structDefs(n names, rng *rand.Rand) historyPlan {
	var p historyPlan
	inner := &lhpb.InlineStructDef{Fields: map[string]*lhpb.StructFieldDef{"a": {FieldType: primitive(lhpb.VariableType_STR)}}}
	outer := &lhpb.InlineStructDef{Fields: map[string]*lhpb.StructFieldDef{
		"a": {FieldType: primitive(lhpb.VariableType_INT), DefaultValue: integer(3)}, "part": {FieldType: structType(n.numbered("inner"), -1)},
	}}
	put := func(word string, s *lhpb.InlineStructDef, allowed lhpb.StructDefCompatibilityType) {
		req := &lhpb.PutStructDefRequest{Name: n.numbered(word), StructDef: proto.Clone(s).(*lhpb.InlineStructDef), AllowedUpdates: allowed}
		if rng.IntN(5) == 0 {
			req.Description = proto.String(oneOf(rng, "one", "other"))
		}
		if rng.IntN(20) == 0 {
			req.Name = n.defName(rng, word)
		}
		p.definitions = append(p.definitions, definition{method: "PutStructDef", request: req})
	}
	put("inner", inner, 0)
	put("outer", outer, 0)
	for range 9 {
		word, s := "outer", outer
		if rng.IntN(3) == 0 {
			word, s = "inner", inner
		}
		id := &lhpb.StructDefId{Name: n.numbered(word), Version: int32(rng.IntN(5) - 1)}
		switch rng.IntN(12) {
		case 0:
			p.definitions = append(p.definitions, definition{method: "GetStructDef", request: id})
		case 1:
			p.definitions = append(p.definitions, definition{method: "DeleteStructDef", request: &lhpb.DeleteStructDefRequest{Id: id}})
		case 2, 3:
			changed := proto.Clone(s).(*lhpb.InlineStructDef)
			n.changeField(rng, changed)
			p.definitions = append(p.definitions, definition{method: "ValidateStructDefEvolution", request: &lhpb.ValidateStructDefEvolutionRequest{
				StructDefId: id, StructDef: changed, CompatibilityType: lhpb.StructDefCompatibilityType(rng.IntN(2)),
			}})
		default:
			before := proto.Clone(s).(*lhpb.InlineStructDef)
			sound := n.changeField(rng, s)
			put(word, s, lhpb.StructDefCompatibilityType(min(1, rng.IntN(4))))
			if !sound || rng.IntN(3) == 0 {
				s.Fields = before.Fields
			}
		}
	}
	p.definitions = append(p.definitions,
		definition{method: "GetStructDef", request: &lhpb.StructDefId{Name: n.numbered("outer"), Version: -1}},
		definition{method: "SearchStructDef", request: &lhpb.SearchStructDefRequest{StructDefCriteria: &lhpb.SearchStructDefRequest_Prefix{Prefix: n.numbered("outer")}}})
	v := variableDef("g", lhpb.VariableType_INT, nil)
	v.VarDef.TypeDef = structType(n.numbered("outer"), oneOf[int32](rng, -1, -1, 0))
	p.definitions = append(p.definitions, definition{method: "PutWfSpec", request: spec(n.spec(), map[string]*lhpb.ThreadSpec{
		"main": straight([]*lhpb.ThreadVarDef{v}, nil, nop(), exitNode(&lhpb.ExitNode{Result: &lhpb.ExitNode_ReturnContent{ReturnContent: variable("g")}})),
	})})
	p.run = func(r *recorder) []*lhpb.RunWfRequest {
		var out []*lhpb.RunWfRequest
		for i := range 4 {
			out = append(out, &lhpb.RunWfRequest{
				WfSpecName: n.spec(), Id: proto.String(fmt.Sprintf("%s-%d", r.id.Id, i)), Variables: map[string]*lhpb.VariableValue{"g": n.record(rng, outer, inner)},
			})
		}
		return out
	}
	return p
}

// changeField adds, removes or changes a field, and tells whether the schema is sound.
func (n names) changeField(rng *rand.Rand, s *lhpb.InlineStructDef) bool {
	if s.Fields == nil {
		s.Fields = map[string]*lhpb.StructFieldDef{}
	}
	names := sortedKeys(s.Fields)
	if len(names) == 0 || rng.IntN(3) == 0 {
		s.Fields[oneOf(rng, "a", "b", "c", "d")] = n.field(rng)
		return true
	}
	name := oneOf(rng, names...)
	f := s.Fields[name]
	switch rng.IntN(8) {
	case 0, 1:
		delete(s.Fields, name)
	case 2:
		s.Fields[name] = n.field(rng)
	case 3:
		f.IsNullable = !f.IsNullable
	case 4:
		f.DefaultValue = map[bool]*lhpb.VariableValue{true: n.fitting(rng, f.FieldType)}[f.DefaultValue == nil]
	case 5:
		f.FieldType.Masked = !f.FieldType.Masked
	case 6:
		f.DefaultValue = anyValue(rng)
		return false
	case 7:
		f.FieldType = n.anyType(rng)
		return false
	}
	return true
}

// field is a sound one.
func (n names) field(rng *rand.Rand) *lhpb.StructFieldDef {
	f := &lhpb.StructFieldDef{FieldType: n.plainType(rng), IsNullable: rng.IntN(3) == 0}
	if rng.IntN(2) == 0 {
		f.DefaultValue = n.fitting(rng, f.FieldType)
	}
	return f
}

// fitting is a value of the type, or nil where none can be written down in short.
func (n names) fitting(rng *rand.Rand, t *lhpb.TypeDefinition) *lhpb.VariableValue {
	if t.GetInlineMapDef() != nil || t.GetStructDefId() != nil && t.GetStructDefId().Name != n.structDef() {
		return nil
	}
	if t.GetStructDefId() != nil {
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_Struct{Struct: &lhpb.Struct{StructDefId: t.GetStructDefId(), Struct: &lhpb.InlineStruct{
			Fields: map[string]*lhpb.StructField{"t": {Value: str("x")}},
		}}}}
	}
	if a := t.GetInlineArrayDef(); a != nil {
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_Array{Array: &lhpb.Array{Items: []*lhpb.VariableValue{integer(1)}, ElementType: a.ArrayType}}}
	}
	switch t.GetPrimitiveType() {
	case lhpb.VariableType_INT:
		return integer(int64(rng.IntN(3)))
	case lhpb.VariableType_BOOL:
		return boolean(true)
	case lhpb.VariableType_DOUBLE:
		return double(0.5)
	case lhpb.VariableType_TIMESTAMP:
		return moments[rng.IntN(len(moments))]
	case lhpb.VariableType_WF_RUN_ID:
		return runID("a", "b")
	case lhpb.VariableType_BYTES:
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_Bytes{Bytes: []byte("ab")}}
	}
	return str("x")
}

// record is a struct that mostly has the fields it should have.
func (n names) record(rng *rand.Rand, outer, inner *lhpb.InlineStructDef) *lhpb.VariableValue {
	fill := func(s *lhpb.InlineStructDef) *lhpb.InlineStruct {
		out := &lhpb.InlineStruct{Fields: map[string]*lhpb.StructField{}}
		for _, name := range sortedKeys(s.Fields) {
			if rng.IntN(8) == 0 {
				continue
			}
			v := n.fitting(rng, s.Fields[name].FieldType)
			if rng.IntN(12) == 0 {
				v = anyValue(rng)
			}
			out.Fields[name] = &lhpb.StructField{Value: v}
		}
		if rng.IntN(8) == 0 {
			out.Fields["more"] = &lhpb.StructField{Value: integer(1)}
		}
		return out
	}
	s := fill(outer)
	if outer.Fields["part"].GetFieldType().GetStructDefId() != nil && rng.IntN(10) > 0 {
		s.Fields["part"] = &lhpb.StructField{Value: &lhpb.VariableValue{Value: &lhpb.VariableValue_Struct{Struct: &lhpb.Struct{
			StructDefId: &lhpb.StructDefId{Name: n.numbered("inner"), Version: int32(rng.IntN(2))}, Struct: fill(inner),
		}}}}
	}
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Struct{Struct: &lhpb.Struct{
		StructDefId: &lhpb.StructDefId{Name: n.numbered("outer"), Version: int32(rng.IntN(3))}, Struct: s,
	}}}
}

// taskDefs puts a few variants of a TaskDef, which never changes.
func taskDefs(n names, rng *rand.Rand) historyPlan {
	var p historyPlan
	var variants []*lhpb.PutTaskDefRequest
	for range 3 {
		v := &lhpb.PutTaskDefRequest{Name: n.defName(rng, "job"), ReturnType: &lhpb.ReturnType{}}
		for range rng.IntN(3) {
			d := &lhpb.VariableDef{Name: oneOf(rng, "a", "b", "c", "withHumps"), TypeDef: n.anyType(rng)}
			if rng.IntN(4) == 0 {
				d.DefaultValue = n.fitting(rng, d.TypeDef)
			}
			v.InputVars = append(v.InputVars, d)
		}
		switch rng.IntN(3) {
		case 0:
			v.ReturnType.ReturnType = n.anyType(rng)
		case 1:
			v.ReturnType = nil
		}
		if rng.IntN(3) == 0 {
			v.Description = proto.String(oneOf(rng, "one", "other"))
		}
		variants = append(variants, v)
	}
	id := &lhpb.TaskDefId{Name: n.numbered("job")}
	for range 11 {
		d := definition{method: "PutTaskDef", request: oneOf(rng, variants...)}
		p.definitions = append(p.definitions, orAnother(rng, d, "TaskDef", id, &lhpb.DeleteTaskDefRequest{Id: id}, &lhpb.SearchTaskDefRequest{Prefix: &id.Name}))
	}
	return p
}

// orAnother is the put of a definition, or now and then its get, delete or search.
func orAnother(rng *rand.Rand, put definition, kind string, get, remove, search proto.Message) definition {
	switch rng.IntN(8) {
	case 0:
		return definition{method: "Get" + kind, request: get}
	case 1:
		return definition{method: "Delete" + kind, request: remove}
	case 2:
		return definition{method: "Search" + kind, request: search}
	default:
		return put
	}
}

// userTaskDefs puts a form again and again with other fields.
func userTaskDefs(n names, rng *rand.Rand) historyPlan {
	var p historyPlan
	name := n.numbered("sheet")
	var fields []*lhpb.UserTaskField
	for range 12 {
		version := int32(rng.IntN(4))
		switch rng.IntN(10) {
		case 0:
			p.definitions = append(p.definitions, definition{method: "GetLatestUserTaskDef", request: &lhpb.GetLatestUserTaskDefRequest{Name: name}})
			continue
		case 1:
			p.definitions = append(p.definitions, definition{method: "GetUserTaskDef", request: &lhpb.UserTaskDefId{Name: name, Version: version}})
			continue
		case 2:
			p.definitions = append(p.definitions, definition{method: "DeleteUserTaskDef", request: &lhpb.DeleteUserTaskDefRequest{Id: &lhpb.UserTaskDefId{Name: name, Version: version}}})
			continue
		case 3:
			p.definitions = append(p.definitions, definition{method: "SearchUserTaskDef", request: &lhpb.SearchUserTaskDefRequest{
				UserTaskDefCriteria: &lhpb.SearchUserTaskDefRequest_Prefix{Prefix: name},
			}})
			continue
		case 4, 5, 6:
			fields = append(fields, &lhpb.UserTaskField{Name: fmt.Sprintf("f%d", len(p.definitions)), Type: lhpb.VariableType(2 + rng.IntN(4))})
		case 7:
			if len(fields) > 0 {
				fields = fields[1:]
			}
		case 8:
			if len(fields) > 0 {
				f := proto.Clone(fields[0]).(*lhpb.UserTaskField)
				f.Required, f.DisplayName = !f.Required, oneOf(rng, "", "One")
				if rng.IntN(8) == 0 {
					f.Type = oneOf(rng, lhpb.VariableType_JSON_OBJ, lhpb.VariableType_BYTES, lhpb.VariableType_TIMESTAMP)
				}
				fields = append([]*lhpb.UserTaskField{f}, fields[1:]...)
			}
		}
		req := &lhpb.PutUserTaskDefRequest{Name: name, Fields: append([]*lhpb.UserTaskField{}, fields...)}
		if rng.IntN(6) == 0 {
			req.Description = proto.String(oneOf(rng, "one", "other"))
		}
		if rng.IntN(20) == 0 {
			req.Name = n.defName(rng, "sheet")
		}
		p.definitions = append(p.definitions, definition{method: "PutUserTaskDef", request: req})
	}
	return p
}

func externalEventDefs(n names, rng *rand.Rand) historyPlan {
	var p historyPlan
	content := []*lhpb.ReturnType{nil, {}, {ReturnType: n.anyType(rng)}}[rng.IntN(3)]
	id := &lhpb.ExternalEventDefId{Name: n.numbered("news")}
	for range 11 {
		req := &lhpb.PutExternalEventDefRequest{Name: n.defName(rng, "news"), ContentType: content}
		switch rng.IntN(4) {
		case 0:
			req.RetentionPolicy = &lhpb.ExternalEventRetentionPolicy{ExtEvtGcPolicy: &lhpb.ExternalEventRetentionPolicy_SecondsAfterPut{SecondsAfterPut: int64(rng.IntN(3) * 100)}}
		case 1:
			req.CorrelatedEventConfig = &lhpb.CorrelatedEventConfig{DeleteAfterFirstCorrelation: rng.IntN(2) == 0}
			if rng.IntN(2) == 0 {
				req.CorrelatedEventConfig.TtlSeconds = proto.Int64(int64(rng.IntN(3) * 100))
			}
		}
		if rng.IntN(12) == 0 {
			req.ContentType = &lhpb.ReturnType{ReturnType: n.anyType(rng)}
		}
		d := definition{method: "PutExternalEventDef", request: req}
		p.definitions = append(p.definitions, orAnother(rng, d, "ExternalEventDef", id, &lhpb.DeleteExternalEventDefRequest{Id: id}, &lhpb.SearchExternalEventDefRequest{Prefix: &id.Name}))
	}
	return p
}

func workflowEventDefs(n names, rng *rand.Rand) historyPlan {
	var p historyPlan
	contents := []*lhpb.ReturnType{nil, {}, {ReturnType: n.anyType(rng)}, {ReturnType: n.anyType(rng)}}
	id := &lhpb.WorkflowEventDefId{Name: n.numbered("cry")}
	for range 11 {
		d := definition{method: "PutWorkflowEventDef", request: &lhpb.PutWorkflowEventDefRequest{Name: n.numbered("cry"), ContentType: oneOf(rng, contents...)}}
		p.definitions = append(p.definitions, orAnother(rng, d, "WorkflowEventDef", id, &lhpb.DeleteWorkflowEventDefRequest{Id: id}, &lhpb.SearchWorkflowEventDefRequest{Prefix: &id.Name}))
	}
	return p
}
