package lhtest

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"littlehorse/lhpb/extra"
)

// Now is what the clock shows.
func (s *Server) Now() time.Time {
	if s.real() {
		return time.Now().UTC()
	}
	return s.server.Clock().Now().UTC()
}

// Advance moves the clock by d. What is due on the way happens in order, each at its time, and tasks that become due are
// run before time goes on. It returns when everything has happened that the new time brings.
//
// A task for which there is no worker waits on; so does one whose attempt hangs by OnAttempt, until its timeout comes.
func (s *Server) Advance(d time.Duration) {
	s.t.Helper()
	s.mustOwn("has its clock moved")
	s.advance(d)
}

func (s *Server) advance(d time.Duration) {
	s.t.Helper()
	ctx, cancel := s.context()
	defer cancel()
	_, err := s.clock.AdvanceClock(ctx, &extra.AdvanceClockRequest{
		Duration: durationpb.New(d), Patience: durationpb.New(2 * patience),
	})
	if err != nil {
		s.t.Fatalf("lhtest: advance the clock by %s: %v\n%s", d, err, s.atWork())
	}
}

// AdvanceTo moves the clock to a moment that lies ahead.
func (s *Server) AdvanceTo(at time.Time) {
	s.t.Helper()
	d := at.Sub(s.Now())
	if d < 0 {
		s.t.Fatalf("lhtest: %s is over, it is %s", at.UTC(), s.Now())
	}
	s.Advance(d)
}

// Settle waits until everything has happened that the present time brings. Most methods do so by themselves.
func (s *Server) Settle() {
	s.t.Helper()
	if !s.real() {
		s.advance(0)
	}
}

// skip moves the clock to the next timer that something waits for, if no task waits or runs. It tells whether it did.
func (s *Server) skip() bool {
	s.t.Helper()
	ctx, cancel := s.context()
	defer cancel()
	moved, err := s.server.Clock().Skip(ctx, 2*patience)
	if err != nil {
		s.t.Fatalf("lhtest: %v\n%s", err, s.atWork())
	}
	return moved
}

// state of the clock in words.
func (s *Server) atWork() string {
	if s.real() {
		return "so it was for " + patience.String()
	}
	c, err := s.server.Clock().State()
	if err != nil {
		return err.Error()
	}
	text := "it is " + c.Now.UTC().Format(time.RFC3339)
	switch {
	case c.Running > 0:
		text += ", and a task is still running: its function has not returned"
	case c.Queued > 0:
		text += ", and a task waits for a worker"
	case !c.Next.IsZero():
		text += ", and nothing happens before " + c.Next.UTC().Format(time.RFC3339) + ": Advance brings it"
	default:
		text += ", and nothing will happen by itself"
	}
	return text
}
