package server

import (
	"context"
	"errors"
	"time"

	"littlehorse/internal/auth"
	"littlehorse/internal/clock"
)

// validateClock refuses virtual time where others than the one who moves it could be led astray.
func (c *Config) validateClock() error {
	switch {
	case !c.VirtualTime:
		return nil
	case c.Kafka.over():
		return errors.New("LHS_X_CLOCK: time cannot be virtual over Kafka, whose brokers have clocks of their own")
	case c.Listen == nil && !auth.IsLoopback(c.BindHost):
		return errors.New("LHS_X_CLOCK: with virtual time the server listens on a loopback address only: set LHS_BIND_HOST to 127.0.0.1")
	case c.Dashboard.Port > 0 && !auth.IsLoopback(c.Dashboard.BindHost):
		return errors.New("LHS_X_CLOCK: with virtual time the dashboard listens on a loopback address only: set LHD_BIND_HOST to 127.0.0.1")
	}
	return nil
}

// UseVirtualTime gives the server a virtual clock, and binds it to this machine unless it is told otherwise.
func (c *Config) UseVirtualTime() {
	c.VirtualTime = true
	if c.BindHost == "" {
		c.BindHost = "127.0.0.1"
	}
}

// setClock reads which time the server goes by.
func setClock(c *Config, v string) error {
	if err := member(v, "real", "virtual"); err != nil {
		return err
	}
	c.VirtualTime = v == "virtual"
	return nil
}

func (s *Server) makeClock() {
	if s.cfg.VirtualTime {
		s.clock = clock.New()
	}
}

// windClock shows the time at which the server goes on, before it does.
func (s *Server) windClock() error {
	begin := s.cfg.Epoch
	if begin.IsZero() {
		begin = time.Now()
	}
	return s.clock.Attach(s.single, s.queues.Attended, begin)
}

// moveClock moves a virtual clock while it is automatic, until the server stops.
func (s *Server) moveClock() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-s.stopping
		cancel()
	}()
	s.clock.Run(ctx)
}

// Attended tells whether a worker is there for the tasks of a TaskDef. It needs virtual time.
func (s *Server) Attended(tenant, taskDef string) bool { return s.queues.Attended(tenant, taskDef) }

// Clock is the server's virtual clock; nil if it goes by that of the machine.
func (s *Server) Clock() *clock.Virtual { return s.clock }
