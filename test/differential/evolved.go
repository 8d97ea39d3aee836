package main

import (
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// Decisions about definitions.
const (
	evolvesStrictly = "decided: a StructDef loses no field without leave, and no field changes its type"
	typeStays       = "decided: the type of an event's content stays"
	usedStays       = "decided: a StructDef that a definition uses is not deleted"
	fieldsFit       = "decided: the fields of a form have a name each and a type that people can enter"
	oneSchedule     = "decided: the id of a schedule is used once"
	namesFit        = "decided: a WorkflowEventDef has a name like every definition"
	numberedOnce    = "decided: the number of a version is given once"
)

// noteStruct remembers the versions of a StructDef of the history.
func (r *replayer) noteStruct(s step) {
	r.unnumbered = r.unnumbered || s.Call == "DeleteStructDef" || s.Call == "DeleteUserTaskDef"
	var gone lhpb.DeleteStructDefRequest
	if s.Call == "DeleteStructDef" && protojson.Unmarshal(s.Request, &gone) == nil {
		r.structs[gone.GetId().GetName()] = slices.DeleteFunc(r.structs[gone.GetId().GetName()], func(d *lhpb.StructDef) bool {
			return d.Id.Version == gone.GetId().GetVersion()
		})
	}
	var d lhpb.StructDef
	if s.Call != "PutStructDef" || s.Answer == nil || protojson.Unmarshal(s.Answer, &d) != nil {
		return
	}
	r.structs[d.Id.Name] = append(r.structs[d.Id.Name], &d)
}

// decidedNumber names the decision by which a new version has another number than it has there.
func (r *replayer) decidedNumber(s step) string {
	if r.unnumbered && (s.Call == "PutStructDef" || s.Call == "PutUserTaskDef") {
		return numberedOnce
	}
	return ""
}

// decidedDefinition names the decision by which ours refuses a definition that the original accepts, or gives "".
func (r *replayer) decidedDefinition(s step, ours codes.Code) string {
	if s.Code != codes.OK.String() {
		return ""
	}
	switch {
	case s.Call == "PutStructDef" && ours == codes.InvalidArgument:
		var req lhpb.PutStructDefRequest
		if protojson.Unmarshal(s.Request, &req) == nil && r.evolves(req.Name, -1, req.StructDef, req.AllowedUpdates) {
			return evolvesStrictly
		}
	case s.Call == "DeleteStructDef" && ours == codes.FailedPrecondition:
		return usedStays
	case s.Call == "PutExternalEventDef" && ours == codes.AlreadyExists:
		return typeStays
	case s.Call == "ScheduleWf" && ours == codes.AlreadyExists:
		return oneSchedule
	case s.Call == "PutWorkflowEventDef" && ours == codes.InvalidArgument:
		return namesFit
	case s.Call == "PutUserTaskDef" && ours == codes.InvalidArgument:
		var req lhpb.PutUserTaskDefRequest
		if protojson.Unmarshal(s.Request, &req) == nil && slices.ContainsFunc(req.Fields, unfit) {
			return fieldsFit
		}
	}
	return ""
}

// decidedEvolution names the decision by which ours calls an evolution invalid.
func (r *replayer) decidedEvolution(s step) string {
	var req lhpb.ValidateStructDefEvolutionRequest
	if s.Call == "ValidateStructDefEvolution" && protojson.Unmarshal(s.Request, &req) == nil &&
		r.evolves(req.GetStructDefId().GetName(), req.GetStructDefId().GetVersion(), req.StructDef, req.CompatibilityType) {
		return evolvesStrictly
	}
	return ""
}

// unfit tells whether a field of a form is one that nobody can fill in.
func unfit(f *lhpb.UserTaskField) bool {
	return f.Name == "" || f.Type != lhpb.VariableType_STR && f.Type != lhpb.VariableType_INT && f.Type != lhpb.VariableType_DOUBLE && f.Type != lhpb.VariableType_BOOL
}

// evolves tells whether a StructDef loses a field, or changes the type of one that is optional, compared with a
// version of it.
func (r *replayer) evolves(name string, version int32, after *lhpb.InlineStructDef, allowed lhpb.StructDefCompatibilityType) bool {
	for _, d := range r.structs[name] {
		if version >= 0 && d.Id.Version != version || version < 0 && d != r.structs[name][len(r.structs[name])-1] {
			continue
		}
		for field, was := range d.StructDef.GetFields() {
			is := after.GetFields()[field]
			switch {
			case allowed == lhpb.StructDefCompatibilityType_NO_SCHEMA_UPDATES && is == nil:
				return true
			case allowed == lhpb.StructDefCompatibilityType_FULLY_COMPATIBLE_SCHEMA_UPDATES && is != nil && optional(was) && !proto.Equal(was.FieldType, is.FieldType):
				return true
			}
		}
	}
	return false
}

func optional(f *lhpb.StructFieldDef) bool { return f.DefaultValue != nil || f.IsNullable }
