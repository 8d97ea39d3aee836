package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// TestTruncatedLogIsRefused lets two of three brokers lose the end of the commands, which they had acknowledged: the servers that have applied it
// all end and say so, and none starts again.
//
// survives: 5 end
func TestTruncatedLogIsRefused(t *testing.T) {
	w := newWorld(t, 0, servers-1)
	putWaiting(w)
	for _, s := range w.sites {
		s.knows(w, "waiting")
	}
	w.runAll("early")
	behind := w.brokers.Brokers[2]
	behind.Kill()
	w.runAll("late") // the two others have it
	w.followed()
	for _, b := range w.brokers.Brokers[:2] {
		b.Kill()
		for partition := range partitions {
			of := fmt.Sprintf("%s-core-cmd-%d", w.cluster, partition)
			to := filepath.Join(b.Data(), of)
			if err := os.RemoveAll(to); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(to, os.DirFS(filepath.Join(behind.Data(), of))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, b := range w.brokers.Brokers {
		b.Start(t)
	}
	w.allEnd()
	w.noneStarts()
}

// allEnd waits until each server has ended by itself.
func (w *world) allEnd() {
	w.Helper()
	for _, s := range w.sites {
		w.until(fmt.Sprintf("server %d ends", s.number), func(context.Context) error {
			if s.ended() {
				return nil
			}
			return errors.New("it goes on")
		})
		if said := s.Output(); !strings.Contains(said, "lost records") && !strings.Contains(said, "the topic and the store do not fit together") {
			w.Errorf("server %d does not say what it has applied and the topic lacks", s.number)
		}
		w.Logf("server %d: %s", s.number, s.lastWords())
	}
}

// noneStarts wants each server to refuse what the brokers have now.
func (w *world) noneStarts() {
	w.Helper()
	w.brokers.AwaitAll(w)
	for _, s := range w.sites {
		s.launch(w)
		for end := time.Now().Add(patience); !s.ended(); time.Sleep(20 * time.Millisecond) {
			if s.answers(w) || time.Now().After(end) {
				w.Errorf("server %d starts again: %s", s.number, s.lastWords())
				s.Kill()
				break
			}
		}
		w.Logf("server %d: %s", s.number, s.lastWords())
	}
}

// runAll runs as many WfRuns as bring some to each partition.
func (w *world) runAll(prefix string) {
	w.Helper()
	for n := range 8 * partitions {
		w.begin(n, "waiting", fmt.Sprintf("%s-%d", prefix, n))
	}
}

// followed waits until each server owns or follows each partition, and has applied what its topic holds.
func (w *world) followed() {
	w.Helper()
	admin := w.admin()
	w.until("all servers follow all partitions", func(ctx context.Context) error {
		ends, err := admin.ListEndOffsets(ctx, w.commands())
		if err == nil {
			err = ends.Error()
		}
		if err != nil {
			return err
		}
		for _, s := range w.sites {
			if !s.has(ends[w.commands()]) {
				return fmt.Errorf("server %d does not", s.number)
			}
		}
		return nil
	})
}

// admin asks brokers to do what operators do.
func (w *world) admin() *kadm.Client {
	w.Helper()
	return kadm.NewClient(w.kafka())
}

// has tells whether the server has applied all partitions up to the ends.
func (s *site) has(ends map[int32]kadm.ListedOffset) bool {
	var status struct {
		CoreActiveTasks  []struct{ Partition int32 }
		CoreStandbyTasks []struct {
			Partition               int32
			Lag, ChangelogEndOffset int64
		}
	}
	resp, err := http.Get("http://" + s.Health + "/status")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&status); err != nil {
		return false
	}
	has := len(status.CoreActiveTasks)
	for _, t := range status.CoreStandbyTasks {
		if t.ChangelogEndOffset-t.Lag >= ends[t.Partition].Offset {
			has++
		}
	}
	return has == len(ends)
}

// lastWords are what the server has said last.
func (s *site) lastWords() string {
	said := s.Output()
	return said[max(0, len(said)-600):]
}
