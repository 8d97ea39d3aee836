package partition

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestCommitsAreSpacedOnlyInCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tests := []struct {
			name    string
			waiting int64
			since   time.Duration // the last commit began
			stopped bool
			want    time.Duration
		}{
			{"few wait", company - 1, 0, false, 0},
			{"many wait", company, 0, false, spacing},
			{"many wait, the commit took some time", company, spacing / 4, false, spacing - spacing/4},
			{"many wait, the commit took long", company, 2 * spacing, false, 0},
			{"the host stops", company, 0, true, 0},
		}
		for _, tt := range tests {
			h := &Host{stop: make(chan struct{})}
			h.pending.Store(tt.waiting)
			if tt.stopped {
				close(h.stop)
			}
			l, b := &Lane{host: h}, &batch{began: time.Now()}
			time.Sleep(tt.since)
			before := time.Now()
			l.gather(b)
			if got := time.Since(before); got != tt.want {
				t.Errorf("%s: put off for %v, want %v", tt.name, got, tt.want)
			}
		}
	})
}
