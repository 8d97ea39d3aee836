package partition

import "time"

// Clock is where a Host gets the time from, so that a simulator can own it.
type Clock interface {
	// Now is the present time. It may jump; partitions keep their own clock, which never goes back.
	Now() time.Time
	// Alarm returns a channel that receives once when d has passed, and a function that gives the alarm up.
	// It is not called in manual mode.
	Alarm(d time.Duration) (<-chan time.Time, func())
}

// SystemClock is the clock of the machine.
type SystemClock struct{}

// Now implements Clock.
func (SystemClock) Now() time.Time { return time.Now() }

// Alarm implements Clock.
func (SystemClock) Alarm(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}
