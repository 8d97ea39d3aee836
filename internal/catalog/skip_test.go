package catalog

import (
	"testing"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// TestSkippedRecordsAreKnown lets the metadata say that nobody applies a record: a View knows it from the commit, and from the store.
//
// survives: 11 skip
func TestSkippedRecordsAreKnown(t *testing.T) {
	skip := func(version uint32) machine.Effects {
		return NewMachine(DefaultConfig()).Apply(machine.NewMem(), &pb.Record{
			Header:  &pb.Header{EngineVersion: version},
			Command: &pb.Record_SkipRecord{SkipRecord: &pb.SkipRecord{Stream: "c/3", Offset: 4711}},
		})
	}
	core := machine.Stream{Kind: machine.Core, Partition: 3}
	e := skip(machine.Skips)
	if e.Reply.Err != nil {
		t.Fatal(e.Reply.Err)
	}
	store := machine.NewMem()
	store.Commit(e.Changes)
	told, loaded := NewView(), NewView()
	told.Committed(1, e.Changes)
	err := loaded.Load(1, func(visit func(k keys.Key, value []byte) bool) error {
		for _, k := range store.Keys() {
			visit(k, store.Bytes(k))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]*View{"told": told, "loaded": loaded} {
		if !v.Skips(core, 4711) || v.Skips(core, 4712) || v.Skips(machine.Stream{Kind: machine.Repartition, Partition: 3}, 4711) {
			t.Errorf("%s: it skips others", name)
		}
	}
	if NewView().Skips(core, 4711) {
		t.Error("nobody has said that it is skipped")
	}
	if e := skip(machine.Skips - 1); e.Reply.Err == nil || e.Reply.Err.Code != lh.FailedPrecondition || len(e.Changes) > 0 {
		t.Errorf("where servers are that skip nothing: %+v", e)
	}
}
