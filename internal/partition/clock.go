package partition

import "time"

// Clock is where a Host gets the time from by which records are stamped and timers are due, so that it can be another's.
type Clock interface {
	// Now is the present time. It may jump; partitions keep their own clock, which never goes back.
	Now() time.Time
	// Alarm returns a channel that receives once when the time has come, or earlier, and a function that gives the
	// alarm up. It is not called in manual mode.
	Alarm(at time.Time) (<-chan time.Time, func())
}

// SystemClock is the clock of the machine.
type SystemClock struct{}

// maxAlarm bounds what a jump of the machine's clock, or its sleep, can cost: alarms count time that passes,
// timers are due by the clock.
const maxAlarm = time.Second

// Now implements Clock.
func (SystemClock) Now() time.Time { return time.Now() }

// Alarm implements Clock.
func (SystemClock) Alarm(at time.Time) (<-chan time.Time, func()) {
	t := time.NewTimer(min(time.Until(at), maxAlarm))
	return t.C, func() { t.Stop() }
}

// elapsed is a time by which only durations are measured.
func (h *Host) elapsed() time.Time {
	if h.cfg.Stopwatch != nil {
		return h.cfg.Stopwatch()
	}
	return h.cfg.Clock.Now()
}
