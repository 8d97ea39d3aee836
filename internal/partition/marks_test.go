package partition

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
)

var marked = []machine.Stream{core(0), core(1)}

func openMarks(t *testing.T, file string) *Marks {
	t.Helper()
	m, err := OpenMarks(file, marked)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// TestRecordThatEndsProcessesIsKnown lets processes end while they apply a record. The third death counts, unless it did no harm in between.
//
// survives: 11 lethal
func TestRecordThatEndsProcessesIsKnown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "marks")
	dies := func(at uint64) *Marks {
		openMarks(t, file).of(core(1)).begins(at)
		return openMarks(t, file)
	}
	for n := range maxDeaths {
		if got := dies(7).Lethal(core(1), nil); (got == 7) != (n == maxDeaths-1) {
			t.Errorf("after %d deaths: record %d", n+1, got)
		}
	}
	if got := openMarks(t, file).Lethal(core(1), nil); got != 7 {
		t.Errorf("after a start at which nobody died: record %d", got)
	}
	if got := openMarks(t, file).Lethal(core(0), nil); got != 0 {
		t.Errorf("of the other stream: record %d", got)
	}
	if got := dies(8).Lethal(core(1), nil); got != 0 {
		t.Errorf("another one ended it: record %d", got)
	}
	dies(8)
	m := openMarks(t, file).of(core(1))
	m.begins(8)
	m.ends(8)
	for range maxDeaths - 1 {
		if got := dies(8).Lethal(core(1), nil); got != 0 {
			t.Errorf("it was applied in between: record %d", got)
		}
	}
}

// A file of another number of streams says nothing of these.
func TestMarksOfOtherStreamsAreForgotten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "marks")
	if err := os.WriteFile(file, []byte("something"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := openMarks(t, file).Lethal(core(0), nil); got != 0 {
		t.Errorf("record %d", got)
	}
}

// TestLethalRecordRestsItsStream lets a record end the process three times: then the stream is refused, until the record is skipped.
//
// survives: 11 lethal
func TestLethalRecordRestsItsStream(t *testing.T) {
	file, skip := filepath.Join(t.TempDir(), "marks"), false
	var marks *Marks
	r := newRig(t, func(c *Config) {
		c.Manual, c.FatalPanics, c.Marks = !skip, !skip, marks
		c.Streams = marked
		c.Skips = func(s machine.Stream, offset uint64) bool { return skip && s == core(0) && offset == 1 }
	})
	for range maxDeaths {
		marks = openMarks(t, file)
		r.open()
		r.host.Submit(core(0), fresh("panic"), nil)
		ends(t, r)
		r.stop()
	}
	marks = openMarks(t, file)
	if err := r.tryOpen(); !errors.Is(err, ErrLethal) {
		t.Fatalf("after %d deaths: %v", maxDeaths, err)
	}
	skip = true
	r.start()
	defer r.stop()
	if reply := r.do(core(0), fresh("panic")); reply.Err == nil || reply.Err.Code != lh.Internal {
		t.Errorf("%+v", reply)
	}
	if s := r.host.Stats(); s.Panics != 0 {
		t.Errorf("it was applied: %+v", s)
	}
	if got := r.must(core(0), "add x 1"); got != 1 {
		t.Errorf("behind it: %d", got)
	}
}

// ends lets the lane run until the process would end.
func ends(t *testing.T, r *rig) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("nothing has ended the process")
		}
	}()
	_, _ = r.host.Lanes()[0].Step()
}
