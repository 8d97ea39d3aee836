package faults

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/test/lhserver"
)

// TestOldBuildIsRefusedLate replaces one server after the other, under load, by a build that knows a later engine version. As long as one
// of the old ones is there all go on side by side, and a new one may go back. When there is none the topics go over, and then an old one that
// comes late ends, while the others go on.
func TestOldBuildIsRefusedLate(t *testing.T) {
	const later = machine.EngineVersion + 1
	newer := lhserver.BuildWith(t, map[string]string{
		"internal/machine/version.go": fmt.Sprintf("package machine\n\nconst EngineVersion = %d\n", later),
	})
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
	if v := gone(); v != 0 {
		t.Fatalf("the topics have gone over to version %d while an old server is there", v)
	}
	w.replace(old, newer)
	w.until("the topics go over", func(context.Context) error {
		if gone() != later {
			return fmt.Errorf("version %d", gone())
		}
		return nil
	})
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

// reachedVersion reads the commands on definitions, and says which engine version they have gone over to.
func (w *world) reachedVersion() func() uint32 {
	w.Helper()
	client := w.kafka(kgo.ConsumeTopics(w.cluster+"-metadata-cmd"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	var reached uint32
	return func() uint32 {
		w.Helper()
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
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
		return reached
	}
}
