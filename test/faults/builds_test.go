package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/test/lhserver"
)

// TestOldBuildIsRefusedLate replaces one server after the other, under load, by a build that knows a later engine version. As long as one
// of the old ones is there all go on side by side, and a new one may go back. When there is none the topics go over, and then an old one that
// comes late ends, while the others go on.
//
// survives: 12 refuses
func TestOldBuildIsRefusedLate(t *testing.T) {
	newer := lhserver.BuildWith(t, ofVersion(t, later))
	w := newWorld(t, 0, 1)
	w.load = newLoad(w)
	w.load.turn(t, 0)
	gone := w.reachedVersion()
	old := w.sites[servers-1]
	for _, s := range w.sites[:servers-1] {
		w.replace(s, newer)
	}
	w.replace(w.sites[0], "")
	w.goOn("with both builds")
	w.replace(w.sites[0], newer)
	if v := gone(); v != machine.EngineVersion {
		t.Fatalf("the topics have gone over to version %d while an old server is there", v)
	}
	w.replace(old, newer)
	w.goneOver(gone)
	w.goOn("with the newer build")
	old.Stop(t)
	old.Program = ""
	if code, said := old.TryStart(t); code == 0 || !strings.Contains(said, "a later engine version than this program knows") {
		t.Errorf("an old server comes late: %d, %s", code, said[max(0, len(said)-600):])
	}
	old.Program = newer
	old.launch(w)
	old.await(w)
	w.goOn("after an old one was refused")
	w.load.turn(t, 1)
	if w.judge() {
		w.tellAll()
	}
}

// TestUpgradeDuringRecovery kills one server after the other under load, whose disk is lost, and starts a build in its place that knows a later
// engine version; while that recovers and partitions move it is killed once more. With the last one the topics go over, and then
// one recovers from what both builds have written.
//
// holds: UpgradeDuringRecovery
func TestUpgradeDuringRecovery(t *testing.T) {
	newer := lhserver.BuildWith(t, ofVersion(t, later))
	w := newWorld(t, 0, 1)
	w.load = newLoad(w)
	w.load.turn(t, 0)
	gone := w.reachedVersion()
	for _, s := range append(w.sites[:servers:servers], w.sites[0]) {
		w.loseDisk(s)
		s.Program = newer
		s.launch(w)
		w.pause(0, 2*time.Second)
		s.Kill()
		s.launch(w)
		s.await(w)
		w.goOn(fmt.Sprintf("after server %d has recovered", s.number))
	}
	w.goneOver(gone)
	w.load.turn(t, 1)
	if w.judge() {
		w.tellAll()
	}
}

const later = machine.EngineVersion + 1

// goneOver waits until the topics have gone over to the later version.
func (w *world) goneOver(reached func() uint32) {
	w.Helper()
	w.until("the topics go over", func(context.Context) error {
		if v := reached(); v != later {
			return fmt.Errorf("version %d", v)
		}
		return nil
	})
}

// ofVersion is the source of a build that knows the engine version.
func ofVersion(t *testing.T, version int) map[string]string {
	t.Helper()
	const source = "internal/machine/version.go"
	text, err := os.ReadFile(filepath.Join(lhserver.Root(), source))
	if err != nil {
		t.Fatal(err)
	}
	is, becomes := fmt.Sprintf("const EngineVersion = %d\n", machine.EngineVersion), fmt.Sprintf("const EngineVersion = %d\n", version)
	if strings.Count(string(text), is) != 1 {
		t.Fatalf("%s does not say %q", source, is)
	}
	return map[string]string{source: strings.Replace(string(text), is, becomes, 1)}
}

// replace stops the server and starts another build over its folder.
func (w *world) replace(s *site, program string) {
	w.Helper()
	s.Stop(w)
	s.Program = program
	s.launch(w)
	s.await(w)
}

// goOn wants runs to be acknowledged and all of them to complete.
func (w *world) goOn(when string) {
	w.Helper()
	if !w.load.goesOn(30) {
		w.load.blame("nothing goes on %s", when)
	}
	w.load.settle(w.rng)
}

// reachedVersion reads the commands on definitions to their end, and says which engine version they have gone over to.
func (w *world) reachedVersion() func() uint32 {
	w.Helper()
	topic := w.cluster + "-metadata-cmd"
	client := w.kafka(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	var reached uint32
	var next int64
	return func() uint32 {
		w.Helper()
		var end int64
		w.until("the commands on definitions have an end", func(ctx context.Context) error {
			ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
			if err == nil {
				err = ends.Error()
			}
			end = ends[topic][0].Offset
			return err
		})
		w.until("the commands on definitions are read", func(ctx context.Context) error {
			client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
				next = r.Offset + 1
				note := &pb.LogNote{}
				if len(r.Headers) == 0 || r.Headers[0].Key != "lh-note" {
					return
				}
				if err := note.UnmarshalVT(r.Value); err != nil {
					w.Fatal(err)
				}
				if e := note.GetEngine(); e != nil {
					reached = uint32(e.Version)
				}
			})
			if next < end {
				return fmt.Errorf("up to %d of %d", next, end)
			}
			return nil
		})
		return reached
	}
}
