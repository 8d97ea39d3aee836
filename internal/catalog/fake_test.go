package catalog

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// stream is a metadata stream in memory, with a View that follows it.
type stream struct {
	t       testing.TB
	machine *Machine
	state   *machine.Mem
	view    *View
	offset  uint64
	tenant  string
	caller  string
	records []*pb.Record
}

func newStream(t testing.TB) *stream {
	return &stream{t: t, machine: NewMachine(DefaultConfig()), state: machine.NewMem(), view: NewView(), tenant: "acme"}
}

// apply appends a record; its time is its offset in seconds.
func (s *stream) apply(command *pb.Record) machine.Reply {
	s.offset++
	command.Header = &pb.Header{
		Tenant: s.tenant, Principal: s.caller, CatalogVersion: s.offset, AtNs: int64(s.offset) * 1e9,
	}
	s.records = append(s.records, command)
	e := s.machine.Apply(s.state, command)
	if e.Reply.Err != nil && len(e.Changes)+len(e.Emit) > 0 {
		s.t.Fatalf("a refused record has effects: %v", e.Changes)
	}
	checkOrder(s.t, e.Changes)
	s.state.Commit(e.Changes)
	if err := s.state.Err(); err != nil {
		s.t.Fatal(err)
	}
	s.view.Committed(s.offset, e.Changes)
	return e.Reply
}

func checkOrder(t testing.TB, changes []machine.Change) {
	t.Helper()
	for i := 1; i < len(changes); i++ {
		if changes[i-1].Key >= changes[i].Key {
			t.Fatalf("changes are not in order, or one key has two: %q, %q", changes[i-1].Key, changes[i].Key)
		}
	}
}

// put sends the request that the command holds in protobuf's JSON, and wants it stored.
func put[P proto.Message](s *stream, command *pb.Record) P {
	s.t.Helper()
	r := s.apply(command)
	if r.Err != nil {
		s.t.Fatalf("refused: %v", r.Err)
	}
	return r.Value.(P)
}

func (s *stream) refused(command *pb.Record, code lh.Code, fragments ...string) {
	s.t.Helper()
	r := s.apply(command)
	if r.Err == nil {
		s.t.Errorf("accepted as %v, want %q", r.Value, fragments)
		return
	}
	if r.Err.Code != code {
		s.t.Errorf("code %d, want %d: %s", r.Err.Code, code, r.Err.Message)
	}
	for _, f := range fragments {
		if !strings.Contains(r.Err.Message, f) {
			s.t.Errorf("message %q\n  lacks %q", r.Err.Message, f)
		}
	}
}

func (s *stream) done(command *pb.Record) {
	s.t.Helper()
	if r := s.apply(command); r.Err != nil || r.Value != nil {
		s.t.Errorf("got %v, %v, want an empty reply", r.Value, r.Err)
	}
}

// record makes a record of the command named by its field, with the request in protobuf's JSON.
func record(t testing.TB, command, request string) *pb.Record {
	t.Helper()
	r := &pb.Record{}
	m := r.ProtoReflect()
	field := m.Descriptor().Fields().ByName(protoreflect.Name(command))
	if field == nil {
		t.Fatalf("no command %q", command)
	}
	req := m.NewField(field)
	if err := protojson.Unmarshal([]byte(request), req.Message().Interface()); err != nil {
		t.Fatalf("%v in %s", err, request)
	}
	m.Set(field, req)
	return r
}

func (s *stream) taskDef(request string) *pb.Record { return record(s.t, "put_task_def", request) }
func (s *stream) wfSpec(request string) *pb.Record  { return record(s.t, "put_wf_spec", request) }
func (s *stream) eventDef(request string) *pb.Record {
	return record(s.t, "put_external_event_def", request)
}

func (s *stream) thrownDef(request string) *pb.Record {
	return record(s.t, "put_workflow_event_def", request)
}

func (s *stream) structDef(request string) *pb.Record { return record(s.t, "put_struct_def", request) }

func (s *stream) userTask(request string) *pb.Record {
	return record(s.t, "put_user_task_def", request)
}
func (s *stream) tenantPut(request string) *pb.Record { return record(s.t, "put_tenant", request) }
func (s *stream) principal(request string) *pb.Record { return record(s.t, "put_principal", request) }

// nopSpec is the smallest WfSpec that shows a number in its sleep.
func nopSpec(name, seconds string) string {
	return `{"name":"` + name + `","entrypointThreadName":"main","threadSpecs":{"main":{"nodes":{
		"e":{"entrypoint":{},"outgoingEdges":[{"sinkNodeName":"s"}]},
		"s":{"sleep":{"rawSeconds":{"literalValue":{"int":"` + seconds + `"}}},"outgoingEdges":[{"sinkNodeName":"x"}]},"x":{"exit":{}}}}}}`
}

func equal(t testing.TB, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func wfSpecID(name string, major, revision int32) *lhpb.WfSpecId {
	return &lhpb.WfSpecId{Name: name, MajorVersion: major, Revision: revision}
}
