package catalog

import (
	"testing"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/lhpb"
)

func (s *stream) outputs() (out []*lhpb.MetadataOutputTopicRecord) {
	all := keys.In(s.tenant).Outputs()
	for _, r := range machine.Scan[lhpb.MetadataOutputTopicRecord](s.state, all, all.End(), 100) {
		out = append(out, r)
	}
	return out
}

func TestDefinitionsAreKeptForTheOutputTopic(t *testing.T) {
	s := newStream(t)
	put[*lhpb.Tenant](s, record(t, "put_tenant", `{"id":"acme"}`))
	put[*lhpb.TaskDef](s, s.taskDef(`{"name":"quiet"}`))
	if got := s.outputs(); len(got) != 0 {
		t.Errorf("%v", got)
	}
	put[*lhpb.Tenant](s, record(t, "put_tenant", `{"id":"acme","outputTopicConfig":{"defaultRecordingLevel":"NO_ENTITY_EVENTS"}}`))
	put[*lhpb.TaskDef](s, s.taskDef(`{"name":"a"}`))
	put[*lhpb.TaskDef](s, s.taskDef(`{"name":"a"}`)) // as it is
	put[*lhpb.ExternalEventDef](s, record(t, "put_external_event_def", `{"name":"e"}`))
	s.done(record(t, "delete_task_def", `{"id":{"name":"a"}}`))
	got := s.outputs()
	if len(got) != 2 || got[0].GetTaskDef().GetId().GetName() != "a" || got[1].GetExternalEventDef().GetId().GetName() != "e" {
		t.Errorf("%v", got)
	}
	put[*lhpb.Tenant](s, record(t, "put_tenant", `{"id":"acme"}`))
	put[*lhpb.TaskDef](s, s.taskDef(`{"name":"b"}`))
	if got := s.outputs(); len(got) != 2 {
		t.Errorf("%v", got)
	}
}
