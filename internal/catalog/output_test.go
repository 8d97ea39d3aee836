package catalog

import (
	"fmt"
	"testing"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
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

// firstTimer is the timer that is due first.
func (s *stream) firstTimer() (keys.Key, keys.Timer) {
	for k := range machine.Scan[pb.Timer](s.state, keys.Timers(), keys.Timers().End(), 1) {
		timer, err := keys.ParseTimer(k)
		if err != nil {
			s.t.Fatal(err)
		}
		return k, timer
	}
	return "", keys.Timer{}
}

// covers: observability §5
func TestPublishedDefinitionsAreKeptForATime(t *testing.T) {
	s := newStream(t)
	put[*lhpb.Tenant](s, record(t, "put_tenant", `{"id":"acme","outputTopicConfig":{}}`))
	const many = trimChunk + 100
	for n := range many {
		put[*lhpb.TaskDef](s, s.taskDef(fmt.Sprintf(`{"name":"t%d"}`, n)))
	}
	fire := func() keys.Timer {
		k, timer := s.firstTimer()
		s.offset = uint64(timer.DueNs / 1e9)
		s.apply(&pb.Record{Command: &pb.Record_TimerFired{TimerFired: &pb.TimerFired{Key: []byte(k)}}})
		return timer
	}
	written := time.Duration(s.offset) * time.Second
	if at := time.Duration(fire().DueNs); at < 24*time.Hour {
		t.Errorf("records are deleted after %v", at)
	}
	for n := 0; len(s.outputs()) > 0; n++ {
		if n == 3 {
			t.Fatalf("%d records are left for ever", len(s.outputs()))
		}
		if at := time.Duration(fire().DueNs); at < written+24*time.Hour {
			t.Errorf("records are deleted after %v", at)
		}
	}
	if k, _ := s.firstTimer(); k != "" {
		t.Errorf("%q is left", k)
	}
}

// covers: observability §5
func TestNoMoreDefinitionsAreKeptThanThereMayBe(t *testing.T) {
	s := newStream(t)
	s.machine = NewMachine(Config{OutputRetention: time.Hour, OutputRecords: 3})
	put[*lhpb.Tenant](s, record(t, "put_tenant", `{"id":"acme","outputTopicConfig":{}}`))
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		put[*lhpb.TaskDef](s, s.taskDef(fmt.Sprintf(`{"name":%q}`, name)))
	}
	if got := s.outputs(); len(got) != 3 || got[0].GetTaskDef().GetId().GetName() != "c" {
		t.Errorf("%v", got)
	}
}
