package api

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/clock"
	"littlehorse/internal/lh"
	"littlehorse/lhpb/extra"
)

// clockPatience is how long a clock that is moved waits for a task, unless told otherwise.
const clockPatience = 10 * time.Second

// GetClock tells the time.
func (s *Service) GetClock(context.Context, *extra.GetClockRequest) (*extra.GetClockResponse, error) {
	c, err := s.clock()
	if err != nil {
		return nil, err
	}
	return &extra.GetClockResponse{Clock: c}, nil
}

// AdvanceClock moves a virtual clock. It waits as long as the caller does.
func (s *Service) AdvanceClock(ctx context.Context, req *extra.AdvanceClockRequest) (*extra.AdvanceClockResponse, error) {
	v, err := s.virtualClock()
	if err != nil {
		return nil, err
	}
	d, err := durationOf(req.Duration, "duration")
	if err != nil {
		return nil, err
	}
	patience := clockPatience
	if req.Patience != nil {
		if patience, err = durationOf(req.Patience, "patience"); err != nil {
			return nil, err
		}
	}
	if err := v.Advance(ctx, d, patience); err != nil {
		return nil, s.clockStopped(err)
	}
	c, err := s.clock()
	if err != nil {
		return nil, err
	}
	return &extra.AdvanceClockResponse{Clock: c}, nil
}

// SetClock says whether a virtual clock moves by itself.
func (s *Service) SetClock(_ context.Context, req *extra.SetClockRequest) (*extra.SetClockResponse, error) {
	v, err := s.virtualClock()
	if err != nil {
		return nil, err
	}
	until := time.Time{}
	if req.AtMost != nil {
		d, err := durationOf(req.AtMost, "at_most")
		if err != nil {
			return nil, err
		}
		until = v.Now().Add(d)
	}
	v.SetAuto(req.Auto, until)
	c, err := s.clock()
	if err != nil {
		return nil, err
	}
	return &extra.SetClockResponse{Clock: c}, nil
}

func (s *Service) virtualClock() (*clock.Virtual, error) {
	if s.cfg.Clock == nil {
		return nil, lh.Errorf(lh.FailedPrecondition,
			"the clock of this server is the machine's: only one that was started with virtual time can be moved")
	}
	return s.cfg.Clock, nil
}

// clock is the server's clock as clients see it.
func (s *Service) clock() (*extra.Clock, error) {
	v := s.cfg.Clock
	if v == nil {
		return &extra.Clock{Now: timestamppb.New(s.now())}, nil
	}
	state, err := v.State()
	if err != nil {
		return nil, err
	}
	return &extra.Clock{
		Now: timestamppb.New(state.Now), Virtual: true, Auto: state.Auto, AutoUntil: moment(state.Until),
		QueuedTasks: int64(state.Queued), RunningTasks: int64(state.Running), NextTimer: moment(state.Next),
	}, nil
}

// moment is unset for the zero time.
func moment(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func durationOf(d *durationpb.Duration, field string) (time.Duration, error) {
	if err := d.CheckValid(); d != nil && err != nil || d.AsDuration() < 0 {
		return 0, lh.Errorf(lh.InvalidArgument, "%s is not a length of time", field)
	}
	return d.AsDuration(), nil
}

// clockStopped says why the clock did not get where it was to.
func (s *Service) clockStopped(err error) error {
	now := s.cfg.Clock.Now().Format(time.RFC3339Nano)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return lh.Errorf(lh.DeadlineExceeded, "the clock got to %s in the time of the call", now)
	case errors.Is(err, clock.ErrEnded):
		return lh.Errorf(lh.Unavailable, "the server is stopping, with its clock at %s", now)
	}
	return err
}
