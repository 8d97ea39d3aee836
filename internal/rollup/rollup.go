package rollup

import (
	"fmt"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// Config holds what the machine is told once. All replicas of a partition must have the same.
type Config struct {
	// Retention is how long a window is kept after it began. Default 14 days.
	Retention time.Duration
}

// DefaultConfig is the Config with all defaults.
func DefaultConfig() Config { return Config{Retention: 14 * 24 * time.Hour} }

// Validate reports the first setting out of its bounds.
func (c Config) Validate() error {
	if c.Retention < time.Minute {
		return fmt.Errorf("Retention is %v: at least a minute", c.Retention)
	}
	return nil
}

// Rollup applies the records of repartition streams. It has no state of its own.
type Rollup struct{ config Config }

var _ machine.Machine = (*Rollup)(nil)

// New makes a Rollup. It panics if the Config is not valid.
func New(config Config) *Rollup {
	if err := config.Validate(); err != nil {
		panic("rollup: " + err.Error())
	}
	return &Rollup{config: config}
}

// Apply implements machine.Machine.
func (m *Rollup) Apply(v machine.View, r *pb.Record) machine.Effects {
	switch c := r.GetCommand().(type) {
	case *pb.Record_MetricUpdate:
		return m.update(v, r.GetHeader(), c.MetricUpdate)
	case *pb.Record_TimerFired:
		return expire(v, r.GetHeader(), keys.Key(c.TimerFired.GetKey()))
	default:
		return machine.Refuse(lh.Errorf(lh.Unimplemented, "This server does not know the command of the record."))
	}
}

// update adds to a window what one partition has counted; the first update makes the window, and the timer that
// deletes it.
func (m *Rollup) update(v machine.View, h *pb.Header, u *pb.MetricUpdate) machine.Effects {
	of, tenant := keys.CountedOf(u.GetWindow()), keys.In(h.GetTenant())
	windowNs := u.GetWindow().GetWindowStart().AsTime().UnixNano()
	k := tenant.MetricWindow(of, windowNs)
	before := machine.Get[lhpb.MetricWindow](v, k)
	after := &lhpb.MetricWindow{Id: u.GetWindow()}
	if before != nil {
		after = before.CloneVT()
	}
	merge(after, of, u.GetCounts())
	changes := []machine.Change{{Key: k, Value: after}}
	if before == nil {
		changes = append(changes, m.retention(h, of, after.Id, windowNs))
	}
	return machine.Effects{Changes: changes}
}

func (m *Rollup) retention(h *pb.Header, of keys.Counted, id *lhpb.MetricWindowId, windowNs int64) machine.Change {
	timer := keys.Timer{
		DueNs: windowNs + m.config.Retention.Nanoseconds(), Tenant: h.GetTenant(),
		Kind: keys.TimerMetricWindow, ID: of.String(),
	}
	return machine.Change{Key: timer.Key(), Value: &pb.Timer{
		What:  &pb.Timer_MetricWindowExpired{MetricWindowExpired: id},
		SetNs: h.GetAtNs(),
	}}
}

// expire deletes a window that was kept long enough.
func expire(v machine.View, h *pb.Header, k keys.Key) machine.Effects {
	timer, err := keys.ParseTimer(k)
	if err != nil || timer.DueNs > h.GetAtNs() || timer.Tenant != h.GetTenant() {
		return machine.Effects{}
	}
	row := machine.Get[pb.Timer](v, k)
	if row == nil {
		return machine.Effects{}
	}
	id := row.GetMetricWindowExpired()
	window := keys.In(h.GetTenant()).MetricWindow(keys.CountedOf(id), id.GetWindowStart().AsTime().UnixNano())
	return machine.Effects{Changes: []machine.Change{{Key: window}, {Key: k}}}
}
