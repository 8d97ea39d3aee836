package clock

import (
	"fmt"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// queue names the waiting attempts of one TaskDef.
type queue struct{ tenant, taskDef string }

// place is a row of one partition.
type place struct {
	stream machine.Stream
	key    keys.Key
}

// attempt is one that a worker has.
type attempt struct {
	tenant, wfRun, guid string
	number              int32
}

// tasks are those that wait for a worker, and those that one has.
type tasks struct {
	queued  map[queue]map[place]struct{}
	running map[place]attempt
	lost    map[attempt]struct{} // of those that run: nobody will report them
	changes int                  // so far
}

func newTasks() tasks {
	return tasks{queued: map[queue]map[place]struct{}{}, running: map[place]attempt{}, lost: map[attempt]struct{}{}}
}

// committed follows a commit of a core partition.
func (t *tasks) committed(s machine.Stream, changes []machine.Change) {
	for _, c := range changes {
		at := place{s, c.Key}
		switch c.Key.Space() {
		case keys.SpaceQueue:
			t.waits(at, c.Value != nil)
		case keys.SpaceRun:
			if run, err := keys.ParseRun(c.Key); err == nil && run.Kind == keys.KindTaskRun {
				task, _ := c.Value.(*lhpb.TaskRun)
				t.runs(at, run.Tenant, task)
			}
		}
	}
}

func (t *tasks) waits(at place, yes bool) {
	row, err := keys.ParseScheduledTask(at.key)
	if err != nil {
		return
	}
	t.changes++
	q := queue{row.Tenant, row.TaskDef}
	switch {
	case !yes:
		delete(t.queued[q], at)
		if len(t.queued[q]) == 0 {
			delete(t.queued, q)
		}
		return
	case t.queued[q] == nil:
		t.queued[q] = map[place]struct{}{}
	}
	t.queued[q][at] = struct{}{}
}

// runs takes in a TaskRun as it is now; nil if it is gone.
func (t *tasks) runs(at place, tenant string, task *lhpb.TaskRun) {
	t.changes++
	before, was := t.running[at]
	if task.GetStatus() != lhpb.TaskStatus_TASK_RUNNING || task == nil {
		delete(t.running, at)
		delete(t.lost, before)
		return
	}
	now := attempt{tenant, lh.WfRunIDString(task.Id.WfRunId), task.Id.TaskGuid, int32(len(task.Attempts) - 1)}
	if was && now != before {
		delete(t.lost, before)
	}
	t.running[at] = now
}

// atWork is how many workers have that somebody will report.
func (t *tasks) atWork() int { return len(t.running) - len(t.lost) }

func (t *tasks) waiting() int {
	n := 0
	for _, q := range t.queued {
		n += len(q)
	}
	return n
}

// load reads what tasks there are.
func (t *tasks) load(p Partitions, s machine.Stream) error {
	err := p.Scan(s, keys.Queues(), keys.Queues().End(), func(k keys.Key, _ []byte) bool {
		t.waits(place{s, k}, true)
		return true
	})
	if err != nil {
		return fmt.Errorf("clock: read the queues of %s: %w", s, err)
	}
	var broken error
	err = p.Scan(s, keys.Key([]byte{byte(keys.SpaceRun)}), keys.Key([]byte{byte(keys.SpaceRun)}).End(), func(k keys.Key, value []byte) bool {
		run, err := keys.ParseRun(k)
		if err != nil || run.Kind != keys.KindTaskRun {
			return true
		}
		task := &lhpb.TaskRun{}
		if broken = task.UnmarshalVT(value); broken == nil {
			t.runs(place{s, k}, run.Tenant, task)
		}
		return broken == nil
	})
	if err == nil {
		err = broken
	}
	if err != nil {
		return fmt.Errorf("clock: read the tasks of %s: %w", s, err)
	}
	return nil
}

// clockOf is the time that a partition has seen.
func (v *Virtual) clockOf(s machine.Stream) (time.Time, error) {
	seen := &pb.Counter{}
	var broken error
	err := v.parts.Scan(s, keys.Clock(), keys.Clock().After(), func(_ keys.Key, value []byte) bool {
		broken = seen.UnmarshalVT(value)
		return false
	})
	if err == nil {
		err = broken
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("clock: read the clock of %s: %w", s, err)
	}
	return time.Unix(0, int64(seen.Value)), nil
}
