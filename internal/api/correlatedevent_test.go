package api

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

func correlatedID(key string) *lhpb.CorrelatedEventId {
	return &lhpb.CorrelatedEventId{Key: key, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "doc"}}
}

// storeCorrelated puts a CorrelatedEvent as the engine stores and indexes it.
func (f *face) storeCorrelated(key string, createdMs int64, events int, spent bool) {
	k := keys.In(DefaultTenant).Correlation("doc", key)
	at := f.cluster.Core(DefaultTenant, key)
	f.cluster.put(at, k.Event(), &pb.CorrelatedEventRow{CorrelatedEvent: &lhpb.CorrelatedEvent{Id: correlatedID(key)}, Spent: spent})
	for n := range events {
		run := lh.ParseWfRunID(fmt.Sprintf("w%d", n))
		f.cluster.put(at, k.Delivery(&lhpb.NodeRunId{WfRunId: run, Position: 1}), &lhpb.ExternalEventId{WfRunId: run, Guid: "g"})
	}
	if !spent {
		tag := keys.In(DefaultTenant).Tag(keys.TagCorrelatedEvent).Text("doc").Int(int32(min(events, 1)))
		f.cluster.put(at, tag.Row(createdMs, keys.TagID{Name: "doc", Guid: key}), &pb.Empty{})
	}
}

func TestCorrelatedEventsAreReadWithWhatCameOfThem(t *testing.T) {
	f := newFace(t)
	f.storeCorrelated("a", 1, 3, false)
	f.storeCorrelated("ab", 1, 1, false)
	f.storeCorrelated("spent", 1, 2, true)
	for key, want := range map[string]int{"a": 3, "ab": 1} {
		got, err := f.client.GetCorrelatedEvent(t.Context(), correlatedID(key))
		if err != nil || got.Id.Key != key || len(got.ExternalEvents) != want {
			t.Errorf("%s is %v, %v", key, got, err)
		}
	}
	for _, key := range []string{"spent", "none", "a/b", ""} {
		if _, err := f.client.GetCorrelatedEvent(t.Context(), correlatedID(key)); status.Code(err) != codes.NotFound {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestCorrelatedEventsAreFound(t *testing.T) {
	f := newFace(t)
	for n, key := range []string{"a", "b", "c", "d"} {
		f.storeCorrelated(key, int64(1000-n), n%2, false)
	}
	f.storeCorrelated("spent", 1, 2, true)
	def := &lhpb.ExternalEventDefId{Name: "doc"}
	yes, no, two := true, false, int32(2)
	for _, c := range []struct {
		req  *lhpb.SearchCorrelatedEventRequest
		want string
	}{
		{&lhpb.SearchCorrelatedEventRequest{ExternalEventDefId: def}, "d c b a"},
		{&lhpb.SearchCorrelatedEventRequest{ExternalEventDefId: def, Limit: &two}, "d c b a"},
		{&lhpb.SearchCorrelatedEventRequest{ExternalEventDefId: def, HasExternalEvents: &yes}, "d b"},
		{&lhpb.SearchCorrelatedEventRequest{ExternalEventDefId: def, HasExternalEvents: &no}, "c a"},
		{
			&lhpb.SearchCorrelatedEventRequest{
				ExternalEventDefId: def, EarliestStart: &timestamppb.Timestamp{Nanos: 998e6}, LatestStart: &timestamppb.Timestamp{Nanos: 999e6},
			}, "c b",
		},
		{&lhpb.SearchCorrelatedEventRequest{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "unknown"}}, ""},
	} {
		var found []string
		for {
			got, err := f.client.SearchCorrelatedEvent(t.Context(), c.req)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range got.Results {
				found = append(found, id.Key)
			}
			if c.req.Bookmark = got.Bookmark; got.Bookmark == nil {
				break
			}
		}
		if strings.Join(found, " ") != c.want {
			t.Errorf("%v: %v, want %s", c.req, found, c.want)
		}
	}
	if _, err := f.client.SearchCorrelatedEvent(t.Context(), &lhpb.SearchCorrelatedEventRequest{}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("without a definition: %v", err)
	}
}

func TestCorrelatedEventsGoToTheirKey(t *testing.T) {
	f := newFace(t)
	var asked []machine.Stream
	f.cluster.answer = func(to machine.Stream, r *machine.Record) (proto.Message, error) {
		asked = append(asked, to)
		if r.GetPutCorrelatedEvent() != nil {
			return &lhpb.CorrelatedEvent{}, nil
		}
		return nil, nil
	}
	home := f.cluster.Core(DefaultTenant, "k-1")
	if _, err := f.client.PutCorrelatedEvent(t.Context(), &lhpb.PutCorrelatedEventRequest{Key: "k-1"}); err != nil {
		t.Error(err)
	}
	if _, err := f.client.DeleteCorrelatedEvent(t.Context(), &lhpb.DeleteCorrelatedEventRequest{Id: correlatedID("k-1")}); err != nil {
		t.Error(err)
	}
	if len(asked) != 2 || asked[0] != home || asked[1] != home {
		t.Errorf("the records went to %v, not to %s", asked, home)
	}
	for _, key := range []string{"a/b", "a~b", strings.Repeat("k", lh.MaxCorrelationKeyBytes+1)} {
		_, err := f.client.PutCorrelatedEvent(t.Context(), &lhpb.PutCorrelatedEventRequest{Key: key})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%.10s: %v", key, err)
		}
		if _, err := f.client.DeleteCorrelatedEvent(t.Context(), &lhpb.DeleteCorrelatedEventRequest{Id: correlatedID(key)}); err != nil {
			t.Errorf("there is no event with the key %.10s, and deleting it is %v", key, err)
		}
	}
	if len(asked) != 2 {
		t.Error("what cannot be a key was asked for")
	}
}
