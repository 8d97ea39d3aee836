package spec

import (
	"fmt"
	"testing"

	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

// oneVariable is a WfSpec with the variable x as given, a sleep to tell revisions apart, and what it returns.
func oneVariable(x, sleep, exit, rest string) string {
	more := `"q":{"sleep":{"rawSeconds":{"literalValue":{"int":"` + sleep + `"}}}},"x":{"exit":{` + exit + `}}`
	return wfSpecJSON(`"main":`+threadJSON(x, `"nop":{}`, "", more), rest)
}

// covers: engine-1 §4
func TestObservedVersionChain(t *testing.T) {
	x := func(typ, rest string) string {
		return `{"varDef":{"name":"x","typeDef":{"primitiveType":"` + typ + `"}}` + rest + `}`
	}
	withDefault := func(n string) string {
		return `{"varDef":{"name":"x","typeDef":{"primitiveType":"INT"},"defaultValue":{"int":"` + n + `"}}}`
	}
	private := `,"accessLevel":"PRIVATE_VAR"`
	returns := func(literal string) string { return `"returnContent":{"literalValue":{` + literal + `}}` }
	d := world()
	for _, step := range []struct{ what, spec, want string }{
		{"first", oneVariable(x("INT", private), "1", "", ""), "0.0"},
		{"logic changed", oneVariable(x("INT", private), "2", "", ""), "0.1"},
		{"private INT to STR", oneVariable(x("STR", private), "2", "", ""), "0.2"},
		{"searchable", oneVariable(x("STR", private+`,"searchable":true`), "2", "", ""), "0.3"},
		{"required", oneVariable(x("STR", private+`,"required":true`), "2", "", ""), "1.0"},
		{"not required", oneVariable(x("STR", private), "2", "", ""), "2.0"},
		{"now INT, required STR two versions ago", oneVariable(x("INT", private), "2", "", ""), "2.1"},
		{"public", oneVariable(x("INT", ""), "2", "", ""), "3.0"},
		{"other default", oneVariable(withDefault("5"), "2", "", ""), "4.0"},
		{"dropped", oneVariable("", "2", "", ""), "5.0"},
		{"typed exit", oneVariable("", "2", returns(`"int":"1"`), ""), "6.0"},
		{"other exit type", oneVariable("", "2", returns(`"str":"1"`), ""), "7.0"},
		{"other exit value", oneVariable("", "2", returns(`"str":"2"`), ""), "7.1"},
		{"retention", oneVariable("", "2", returns(`"str":"2"`), `"retentionPolicy":{"secondsAfterWfTermination":"5"}`), "7.2"},
		{"the same again", oneVariable("", "2", returns(`"str":"2"`), `"retentionPolicy":{"secondsAfterWfTermination":"5"}`), "7.2"},
	} {
		w := mustPut(t, d, step.spec)
		if got := fmt.Sprintf("%d.%d", w.Id.MajorVersion, w.Id.Revision); got != step.want {
			t.Errorf("%s: version %s, want %s", step.what, got, step.want)
		}
	}
	// x is dropped, and frozen for ever.
	refused(t, d, oneVariable(x("STR", private), "2", "", ""), lh.InvalidArgument,
		"Variable x must be of type INT not STR as it was formerly declared a PUBLIC_VAR")
}

// covers: engine-1 §4
func TestFrozenVariables(t *testing.T) {
	d := world()
	spec := func(typ, rest string) string {
		return withVariables(`{"varDef":{"name":"x","typeDef":{`+typ+`}}`+rest+`}`, "")
	}
	intType, private := `"primitiveType":"INT"`, `,"accessLevel":"PRIVATE_VAR"`
	first := mustPut(t, d, spec(intType, ""))
	if names := frozenNames(first); names != "x" {
		t.Errorf("frozen: %q", names)
	}
	text := "must be of type INT not"
	refused(t, d, spec(`"primitiveType":"STR"`, ""), lh.InvalidArgument, "Variable x "+text+" STR")
	refused(t, d, spec(`"primitiveType":"STR"`, private), lh.InvalidArgument, text)
	refused(t, d, spec(intType+`,"masked":true`, ""), lh.InvalidArgument, text+" INT MASKED")
	dropped := mustPut(t, d, withVariables("", ""))
	if names := frozenNames(dropped); names != "x" || dropped.Id.MajorVersion != 1 {
		t.Errorf("dropped: %v frozen %q", dropped.Id, names)
	}
	refused(t, d, spec(`"primitiveType":"STR"`, private), lh.InvalidArgument, text)
	mustPut(t, d, spec(intType, private))
	// For one version it was nothing special: it is free.
	if free := mustPut(t, d, spec(`"primitiveType":"STR"`, private)); frozenNames(free) != "" {
		t.Errorf("frozen: %q", frozenNames(free))
	}
}

func frozenNames(w *lhpb.WfSpec) string {
	names := ""
	for _, v := range w.FrozenVariables {
		names += v.VarDef.Name
	}
	return names
}

// covers: engine-1 §4
func TestFrozenStructsAreComparedByName(t *testing.T) {
	d := world()
	spec := withVariables(`{"varDef":{"name":"c","typeDef":{"inlineArrayDef":{"arrayType":{"structDefId":{"name":"car","version":-1}}}}}}`, "")
	mustPut(t, d, spec)
	d.structs["car"] = append(d.structs["car"], structVersion("car", 2, nil))
	w := mustPut(t, d, spec)
	pinned := w.ThreadSpecs["main"].VariableDefs[0].VarDef.TypeDef.GetInlineArrayDef().ArrayType.GetStructDefId().Version
	if pinned != 2 || w.Id.MajorVersion != 1 {
		t.Errorf("pinned to version %d as %v", pinned, w.Id)
	}
	refused(t, d, withVariables(`{"varDef":{"name":"c","typeDef":{"inlineArrayDef":{"arrayType":{"structDefId":{"name":"owner"}}}}}}`, ""),
		lh.InvalidArgument, "formerly declared a PUBLIC_VAR")
}

// covers: engine-1 §4
func TestInputIsNeverFrozen(t *testing.T) {
	d := world()
	spec := func(one, other string) string {
		thread := func(typ string) string {
			return threadJSON(`{"varDef":{"name":"INPUT","typeDef":{"primitiveType":"`+typ+`"}}}`, `"nop":{}`, "", "")
		}
		return wfSpecJSON(`"main":`+thread(one)+`,"other":`+thread(other), "")
	}
	first := mustPut(t, d, spec("INT", "STR"))
	if again := mustPut(t, d, spec("INT", "STR")); again != first {
		t.Errorf("the same spec became %v", again.Id)
	}
	mustPut(t, d, spec("STR", "INT"))
}

// covers: engine-1 §4
func TestAllowedUpdates(t *testing.T) {
	d := world()
	spec := func(sleep, x, updates string) string {
		return oneVariable(x, sleep, "", `"allowedUpdates":"`+updates+`"`)
	}
	public := `{"varDef":{"name":"x"}}`
	first := mustPut(t, d, spec("1", public, "NO_UPDATES"))
	if again := mustPut(t, d, spec("1", public, "NO_UPDATES")); again != first {
		t.Error("the same spec is another")
	}
	refused(t, d, spec("2", public, "NO_UPDATES"), lh.AlreadyExists, "WfSpec already exists.")
	refused(t, d, spec("1", "", "MINOR_REVISION_UPDATES"), lh.FailedPrecondition, "The resulting WfSpec has a breaking change.")
	if w := mustPut(t, d, spec("2", public, "MINOR_REVISION_UPDATES")); w.Id.Revision != 1 {
		t.Errorf("minor update became %v", w.Id)
	}
	if w := mustPut(t, d, spec("1", "", "ALL_UPDATES")); w.Id.MajorVersion != 1 || w.Id.Revision != 0 {
		t.Errorf("breaking update became %v", w.Id)
	}
}

// covers: engine-1 §2
func TestValidationComesBeforeIdempotency(t *testing.T) {
	d := world()
	spec := withNode(`"task":{"taskDefId":{"name":"void"}}`)
	mustPut(t, d, spec)
	delete(d.tasks, "void")
	refused(t, d, spec, lh.InvalidArgument, "Refers to nonexistent TaskDef void")
}

// covers: engine-1 §4
func TestUnknownOutputTypeIsNoBreakingChange(t *testing.T) {
	d := world()
	exit := func(e string) string {
		return oneVariable(`{"varDef":{"name":"j"},"accessLevel":"PRIVATE_VAR"}`, "1", e, "")
	}
	mustPut(t, d, exit(`"returnContent":{"literalValue":{"int":"1"}}`))
	if w := mustPut(t, d, exit(`"returnContent":{"variableName":"j","jsonPath":"$.a"}`)); w.Id.MajorVersion != 0 {
		t.Errorf("INT to unknown became %v", w.Id)
	}
	if w := mustPut(t, d, exit("")); w.Id.MajorVersion != 1 {
		t.Errorf("unknown to void became %v", w.Id)
	}
}

// covers: engine-1 §4
func TestReferencesToTheNewestPinAndMakeNewVersions(t *testing.T) {
	d := world()
	user := withNode(`"userTask":{"userTaskDefName":"approve","userId":{"literalValue":{"str":"x"}}}`)
	w := mustPut(t, d, user)
	if v := w.ThreadSpecs["main"].Nodes["n"].GetUserTask().UserTaskDefVersion; v == nil || *v != 1 {
		t.Errorf("UserTaskDef pinned to %v", v)
	}
	if again := mustPut(t, d, user); again != w {
		t.Error("the same spec is another")
	}
	d.userTasks["approve"] = append(d.userTasks["approve"], &lhpb.UserTaskDef{Name: "approve", Version: 2})
	if next := mustPut(t, d, user); next.Id.Revision != 1 {
		t.Errorf("with a newer UserTaskDef it became %v", next.Id)
	}

	d = world()
	builder := withMutation(`{"lhsName":"j","lhsJsonPath":"$.a","rhsAssignment":{"structBuilder":{"structDefId":{"name":"car","version":-1},
		"value":{"fields":{"make":{"simpleValue":{"variableName":"s"}}}}}}}`)
	w = mustPut(t, d, builder)
	b := w.ThreadSpecs["main"].Nodes["n"].OutgoingEdges[0].VariableMutations[0].GetRhsAssignment().GetStructBuilder()
	if b.StructDefId.Version != 1 {
		t.Errorf("StructDef pinned to %d", b.StructDefId.Version)
	}
}
