package api

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"littlehorse/internal/auth"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// fickle admits until it does not.
type fickle struct{ refuse bool }

func (f *fickle) Authenticate(context.Context) (auth.Identity, *lh.Error) {
	if f.refuse {
		return auth.Identity{}, lh.Errorf(lh.Unauthenticated, "The token has expired")
	}
	return auth.Identity{Name: auth.Anonymous}, nil
}

// publish adds output records to one partition and tells those who wait.
func (f *face) publish(stream machine.Stream, first, next uint64) {
	tenant := keys.In(DefaultTenant)
	f.cluster.put(stream, tenant.OutputLog(), &pb.OutputLog{First: first, Next: next})
	var changes []machine.Change
	for n := first; n < next; n++ {
		c := machine.Change{Key: tenant.Output(n), Value: &lhpb.OutputTopicRecord{
			Payload: &lhpb.OutputTopicRecord_WfRun{WfRun: &lhpb.WfRun{Id: &lhpb.WfRunId{Id: fmt.Sprintf("w%d-%d", stream.Partition, n)}}},
		}}
		f.cluster.put(stream, c.Key, c.Value)
		changes = append(changes, c)
	}
	f.Committed(stream, changes)
}

// covers: observability §5
func TestAReaderOfOutputsIsJudgedAgain(t *testing.T) {
	f, who := newFace(t), &fickle{}
	streams := f.cluster.Streams()
	f.publish(streams[0], 0, 1)
	o, err := f.OpenOutput(t.Context(), &Listener{Authenticator: who}, ExecutionTopic, "")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if b, err := o.Next(t.Context(), time.Minute); err != nil || len(b.Records) != 1 || b.Records[0].Key != "w0-0" {
		t.Fatal(b, err)
	}
	who.refuse = true
	f.publish(streams[1], 0, 1)
	if b, err := o.Next(t.Context(), time.Minute); err != nil || len(b.Records) != 1 {
		t.Fatal("a decision does not hold:", b, err)
	}
	f.publish(streams[2], 0, 1)
	f.now = f.now.Add(judgeEvery)
	if b, err := o.Next(t.Context(), time.Minute); lh.AsError(err) == nil || lh.AsError(err).Code != lh.Unauthenticated || !b.empty() {
		t.Fatal("he reads on:", b, err)
	}
}

// Whatever is behind a position is given, each partition in its order, and what is gone is told.
//
// covers: observability §5
func TestOutputsOfAllPartitions(t *testing.T) {
	f := newFace(t)
	streams, l := f.cluster.Streams(), &Listener{Authenticator: auth.None{}}
	f.publish(streams[0], 0, 200)
	f.publish(streams[2], 7, 9)
	o, err := f.OpenOutput(t.Context(), l, ExecutionTopic, "")
	if err != nil {
		t.Fatal(err)
	}
	begin := o.Position()
	var keys [3][]string
	for {
		b, err := o.Next(t.Context(), 0)
		if err != nil || len(b.Gaps) > 0 {
			t.Fatal(b, err)
		}
		if b.empty() {
			break
		}
		for _, r := range b.Records {
			keys[r.Partition] = append(keys[r.Partition], r.Key)
		}
	}
	end := o.Position()
	o.Close()
	if len(keys[0]) != 200 || len(keys[1]) != 0 || !slices.Equal(keys[2], []string{"w2-7", "w2-8"}) {
		t.Errorf("%v", keys)
	}
	for n, key := range keys[0] {
		if key != fmt.Sprintf("w0-%d", n) {
			t.Fatalf("record %d is of %s", n, key)
		}
	}

	// All records of one partition are deleted, and one is not written yet.
	f.publish(streams[0], 200, 200)
	for n := range uint64(200) {
		delete(f.cluster.rows[streams[0]], tenantOutput(n))
	}
	f.cluster.sorted = nil
	o, err = f.OpenOutput(t.Context(), l, ExecutionTopic, begin)
	if err != nil {
		t.Fatal(err)
	}
	b, err := o.Next(t.Context(), 0)
	if err != nil || !slices.Equal(b.Gaps, []OutputGap{{0, 0, 199}}) || len(b.Records) != 0 {
		t.Fatal(b, err)
	}
	o.Close()
	f.publish(streams[2], 7, 8) // as after a restore of what was before
	if _, err := f.OpenOutput(t.Context(), l, ExecutionTopic, end); lh.AsError(err) == nil || lh.AsError(err).Code != lh.InvalidArgument {
		t.Fatal(err)
	}
}

func tenantOutput(n uint64) keys.Key { return keys.In(DefaultTenant).Output(n) }

func TestReadersOfOutputsAreBounded(t *testing.T) {
	f, l := newFace(t), &Listener{Authenticator: auth.None{}}
	f.publish(f.cluster.Streams()[0], 0, 1)
	var open []*Output
	for range maxOutputReaders {
		o, err := f.OpenOutput(t.Context(), l, ExecutionTopic, LatestPosition)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, o)
	}
	if _, err := f.OpenOutput(t.Context(), l, ExecutionTopic, ""); lh.AsError(err) == nil || lh.AsError(err).Code != lh.ResourceExhausted {
		t.Fatal(err)
	}
	open[0].Close()
	o, err := f.OpenOutput(t.Context(), l, ExecutionTopic, "")
	if err != nil {
		t.Fatal(err)
	}
	o.Close()
}
