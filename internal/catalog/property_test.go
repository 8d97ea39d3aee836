package catalog

import (
	"bytes"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// anyRecord is a command on one of a few names, so that puts, changes, deletes and refusals meet.
func anyRecord(t *rapid.T, tb testing.TB) *pb.Record {
	name := rapid.SampledFrom([]string{"a", "b", "bad_name"}).Draw(t, "name")
	n := fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "variant"))
	structRef := `"structDefId":{"name":"` + name + `","version":-1}`
	withStruct := rapid.Bool().Draw(t, "struct")
	typ := `"primitiveType":"INT"`
	if withStruct {
		typ = structRef
	}
	id := `{"id":{"name":"` + name + `"`
	switch rapid.IntRange(0, 14).Draw(t, "command") {
	case 0:
		return record(tb, "put_task_def", `{"name":"`+name+`","description":"`+n+`","inputVars":[{"name":"v","typeDef":{`+typ+`}}]}`)
	case 1:
		return record(tb, "put_external_event_def", `{"name":"`+name+`","retentionPolicy":{"secondsAfterPut":"`+n+`"},"contentType":{"returnType":{`+typ+`}}}`)
	case 2:
		return record(tb, "put_workflow_event_def", `{"name":"`+name+`","contentType":{"returnType":{`+typ+`}}}`)
	case 3:
		return record(tb, "put_user_task_def", `{"name":"`+name+`","description":"`+n+`"}`)
	case 4, 5:
		return record(tb, "put_struct_def", structJSON(name, field("f"+n, intType, nullable), full))
	case 6, 7:
		return record(tb, "put_wf_spec", `{"name":"`+name+`","entrypointThreadName":"m","threadSpecs":{"m":{"variableDefs":[{"varDef":{"name":"v`+n+`","typeDef":{`+typ+`}}}],
			"nodes":{"e":{"entrypoint":{},"outgoingEdges":[{"sinkNodeName":"s"}]},"s":{"sleep":{"rawSeconds":{"literalValue":{"int":"`+n+`"}}}}}}}}`)
	case 8:
		return record(tb, "put_tenant", `{"id":"`+name+`"}`)
	case 9:
		return record(tb, "put_principal", principalJSON(name, adminACL, `,"overwrite":true,"perTenantAcls":{"default":{},"a":{}}`))
	case 10:
		return record(tb, "delete_principal", `{"id":{"id":"`+name+`"}}`)
	case 11:
		return record(tb, "delete_wf_spec", id+`,"revision":`+n+`}}`)
	case 12:
		return record(tb, "delete_struct_def", id+`,"version":`+n+`}}`)
	case 13:
		return record(tb, "delete_user_task_def", id+`,"version":`+n+`}}`)
	}
	return record(tb, "delete_task_def", id+`}}`)
}

func TestReplayGivesTheSameBytes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStream(t)
		for range rapid.IntRange(1, 30).Draw(rt, "records") {
			s.apply(anyRecord(rt, t))
		}
		again := machine.NewMem()
		for _, r := range s.records {
			again.Commit(NewMachine(DefaultConfig()).Apply(again, decodedRecord(rt, r)).Changes)
		}
		if len(again.Keys()) != len(s.state.Keys()) {
			rt.Fatalf("%d rows, replayed %d", len(s.state.Keys()), len(again.Keys()))
		}
		for _, k := range s.state.Keys() {
			if !bytes.Equal(s.state.Bytes(k), again.Bytes(k)) {
				rt.Fatalf("%q differs when replayed", k)
			}
		}
	})
}

// decodedRecord is the record after a way through the log.
func decodedRecord(t *rapid.T, r *pb.Record) *pb.Record {
	b, err := r.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	out := &pb.Record{}
	if err := out.UnmarshalVT(b); err != nil {
		t.Fatal(err)
	}
	return out
}

// What a View shows as of a version is what the machine read when that version was the last one.
//
// holds: DefinitionsAreInOneOrder
func TestViewAgreesWithTheMachine(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStream(t)
		var then []string
		for range rapid.IntRange(1, 20).Draw(rt, "records") {
			s.apply(anyRecord(rt, t))
			then = append(then, everything(rowsOf(s.state, "acme")))
		}
		for what, v := range map[string]*View{"followed": s.view, "loaded": s.reloaded()} {
			for i, want := range then {
				if got := everything(v.At(uint64(i+1), "acme").Defs()); got != want {
					rt.Fatalf("%s, as of %d: %s\nwant %s", what, i+1, got, want)
				}
			}
		}
		if IsAdmin(s.view.Principal("a")) != (s.state.Bytes(keys.Admin("a")) != nil) {
			rt.Fatal("the list of admins is wrong")
		}
	})
}

func everything(d spec.Defs) string {
	var out []proto.Message
	for _, name := range []string{"a", "b"} {
		out = append(out, d.TaskDef(name), d.ExternalEventDef(name), d.WorkflowEventDef(name),
			d.LatestWfSpec(name, spec.NewestVersion), d.LatestWfSpec(name, 1),
			d.UserTaskDef(name, spec.NewestVersion), d.StructDef(name, spec.NewestVersion))
		for i := range int32(3) {
			out = append(out, d.WfSpec(&lhpb.WfSpecId{Name: name, Revision: i}), d.StructDef(name, i), d.UserTaskDef(name, i))
		}
	}
	text := ""
	for _, m := range out {
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			panic(err)
		}
		text += fmt.Sprintf("%x|", b)
	}
	return text
}

// A StructDef that something refers to exists, whatever was put and deleted before.
func TestNoReferenceDangles(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStream(t)
		for range rapid.IntRange(1, 40).Draw(rt, "records") {
			s.apply(anyRecord(rt, t))
		}
		defs := rowsOf(s.state, "acme")
		for _, name := range []string{"a", "b"} {
			check := func(u uses) {
				for ref := range u {
					if defs.StructDef(ref.name, ref.version) == nil {
						rt.Fatalf("StructDef %v is referred to and gone", ref)
					}
				}
			}
			check(taskDefUses(defs.TaskDef(name)))
			check(externalEventDefUses(defs.ExternalEventDef(name)))
			check(workflowEventDefUses(defs.WorkflowEventDef(name)))
			check(structDefUses(defs.StructDef(name, spec.NewestVersion)))
			check(wfSpecUses(defs.LatestWfSpec(name, spec.NewestVersion)))
		}
	})
}

func FuzzApply(f *testing.F) {
	for _, seed := range []struct{ command, request string }{
		{"put_task_def", `{"name":"t","inputVars":[{"name":"v","typeDef":{"structDefId":{"name":"s","version":-1}}}]}`},
		{"put_external_event_def", `{"name":"e","contentType":{"returnType":{"inlineMapDef":{}}}}`},
		{"put_workflow_event_def", `{"name":"e","contentType":{}}`},
		{"put_user_task_def", `{"name":"u","fields":[{"name":"a","type":"STR"}]}`},
		{"put_struct_def", structJSON("s", field("a", intType, `,"defaultValue":{"int":"3"}`), full)},
		{"put_wf_spec", nopSpec("w", "1")},
		{"put_tenant", `{"id":"bank"}`},
		{"put_principal", principalJSON("p", adminACL, overwrite+`,"perTenantAcls":{"default":{}}`)},
		{"delete_principal", `{"id":{"id":"p"}}`},
		{"delete_struct_def", `{"id":{"name":"s"}}`},
		{"delete_wf_spec", `{"id":{"name":"w"}}`},
	} {
		f.Add(encode(record(f, seed.command, seed.request)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &pb.Record{}
		if r.UnmarshalVT(b) != nil {
			return
		}
		s := newStream(t)
		put[*lhpb.StructDef](s, s.structDef(structJSON("s", field("a", intType, nullable), "")))
		put[*lhpb.WfSpec](s, s.wfSpec(nopSpec("w", "1")))
		s.apply(r)
		s.reloaded()
	})
}
