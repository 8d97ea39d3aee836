package faults

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"littlehorse/internal/pb"
)

// TestUncleanElectionIsRefused makes a broker the leader of the commands that lacks the last of them, as an operator can though the topics
// forbid it: the servers that have applied them all end and say so, and none starts again,
// also not when the commands have come to end where they ended before.
//
// holds: ZonesMayFail
// survives: 5 end
func TestUncleanElectionIsRefused(t *testing.T) {
	w := newWorld(t, 0, servers-1)
	putWaiting(w)
	for _, s := range w.sites {
		s.knows(w, "waiting")
	}
	w.runAll("early")
	w.leaveToTwo()
	behind, ahead := w.brokers.Brokers[1], w.brokers.Brokers[2]
	behind.Kill()
	w.runAll("late") // only the one that is ahead has it
	w.followed()
	ahead.Kill()
	behind.Start(t)
	behind.Await(t)
	w.electUncleanly()
	w.allEnd()
	ahead.Start(t)
	w.noneStarts()
	w.overwrite()
	w.noneStarts()
	for _, s := range w.sites {
		if !strings.Contains(s.Output(), "lost records") {
			t.Errorf("server %d does not see that what it has applied was overwritten", s.number)
		}
	}
}

// overwrite appends entries without effect to the commands until they end far behind what the servers had applied.
func (w *world) overwrite() {
	w.Helper()
	barrier, err := (&pb.LogNote{Note: &pb.LogNote_Barrier{Barrier: &pb.LogBarrier{}}}).MarshalVT()
	if err != nil {
		w.Fatal(err)
	}
	var entries []*kgo.Record
	for partition := range partitions {
		for range 200 {
			entries = append(entries, &kgo.Record{Topic: w.commands(), Partition: int32(partition), Value: barrier, Headers: []kgo.RecordHeader{{Key: "lh-note"}}})
		}
	}
	if err := w.kafka(kgo.RecordPartitioner(kgo.ManualPartitioner())).ProduceSync(w.Context(), entries...).FirstErr(); err != nil {
		w.Fatal(err)
	}
}

// commands is the topic with the commands on run data.
func (w *world) commands() string { return w.cluster + "-core-cmd" }

// leaveToTwo takes the commands from the first broker, which goes on as a controller, and lets one replica be enough.
func (w *world) leaveToTwo() {
	w.Helper()
	admin, req, enough := w.admin(), kadm.AlterPartitionAssignmentsReq{}, "1"
	for partition := range partitions {
		req.Assign(w.commands(), int32(partition), []int32{2, 3})
	}
	moved, err := admin.AlterPartitionAssignments(w.Context(), req)
	if err == nil {
		err = moved.Error()
	}
	if err != nil {
		w.Fatal(err)
	}
	altered, err := admin.AlterTopicConfigs(w.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "min.insync.replicas", Value: &enough}}, w.commands())
	if err == nil {
		_, err = altered.On(w.commands(), func(r *kadm.AlterConfigsResponse) error { return r.Err })
	}
	if err != nil {
		w.Fatal(err)
	}
	w.until("the commands are with two brokers", func(ctx context.Context) error {
		topics, err := admin.ListTopics(ctx, w.commands())
		if err != nil {
			return err
		}
		for _, p := range topics[w.commands()].Partitions {
			if len(p.Replicas) != 2 || len(p.ISR) != 2 {
				return fmt.Errorf("partition %d is with %v, in sync %v", p.Partition, p.Replicas, p.ISR)
			}
		}
		return nil
	})
}

// electUncleanly makes any replica that lives the leader of the commands, whatever it lacks.
func (w *world) electUncleanly() {
	w.Helper()
	admin, all := w.admin(), kadm.TopicsSet{}
	for partition := range partitions {
		all.Add(w.commands(), int32(partition))
	}
	w.until("the broker that is behind leads", func(ctx context.Context) error {
		if _, err := admin.ElectLeaders(ctx, kadm.ElectLiveReplica, all); err != nil {
			return err
		}
		topics, err := admin.ListTopics(ctx, w.commands())
		if err != nil {
			return err
		}
		for _, p := range topics[w.commands()].Partitions {
			if p.Leader != 2 {
				return fmt.Errorf("%d leads partition %d", p.Leader, p.Partition)
			}
		}
		return nil
	})
}
