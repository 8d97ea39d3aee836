package engine_test

import (
	"slices"
	"testing"
	"time"

	"littlehorse/internal/engine"
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// listed is a View that lists what is read and there.
type listed struct {
	machine.View
	found []keys.Key
}

func (l *listed) Get(k keys.Key, empty func() machine.Value) machine.Value {
	v := l.View.Get(k, empty)
	if v != nil {
		l.found = append(l.found, k)
	}
	return v
}

// TestTimersReadWhatWasForeseen fires the timers of WfRuns that wait. Of rows that only they need nothing is read that was
// not foreseen.
//
// covers: operations §6 timers
func TestTimersReadWhatWasForeseen(t *testing.T) {
	for name, threads := range map[string]string{
		"sleep":         "thread main\n s: SLEEP 100\n exit: EXIT",
		"event timeout": "thread main\n e: EVENT go timeout=100\n exit: EXIT",
		"task timeout":  "thread main\n t: TASK t() timeout=100\n exit: EXIT",
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t, engine.DefaultConfig(), threads)
			w.runSpec("spec0", "w", nil)
			if name == "task timeout" {
				w.do(claimed("w", 0))
			}
			k, due, ok := w.nextTimer()
			for ; ok && flushes(k); k, due, ok = w.nextTimer() {
				w.advance(time.Duration(due - w.nowNs))
			}
			if !ok {
				t.Fatal("nothing waits")
			}
			w.nowNs = max(w.nowNs, due)
			fired := &pb.Record{Header: w.header(), Command: &pb.Record_TimerFired{TimerFired: &pb.TimerFired{Key: []byte(k)}}}
			early, late := &listed{View: w.state}, &listed{View: w.state}
			w.engine.Foresee(early, fired)
			w.engine.Apply(late, fired)
			if len(late.found) < 3 {
				t.Fatalf("the timer only read %q", late.found)
			}
			for _, k := range late.found {
				if k.Space() != keys.SpaceCount && !slices.Contains(early.found, k) {
					t.Errorf("%q was not foreseen", k)
				}
			}
		})
	}
}
