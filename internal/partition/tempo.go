package partition

import "time"

// tempo holds back timers that are due together while others call the lane: as fast as they can be fired they keep both the lane
// and those busy that read ahead for it, and every commit is as large as one may be. With some of the time left, and few in a
// commit, others wait for a fraction of that. It goes by the time of the machine, whose time it is that they take.
type tempo struct {
	free time.Time // when there is time for the next
}

const (
	// timerTime is what there is time for a timer in: one costs a lane 24 µs of a core, with all that follows, on the machine of
	// docs/bench.md. So 31,250 fire in a second; alone they take what there is.
	timerTime = 32 * time.Microsecond
	// timersAtOnce bounds how many fire one right behind the other.
	timersAtOnce = 8
	// latestTimer is how late a timer may be for that. Those that are later fire as fast as they can.
	latestTimer = 2 * time.Second
)

// take tells whether there is time for one more, and counts it.
func (t *tempo) take(now time.Time) bool {
	if t.free.After(now) {
		return false
	}
	if first := now.Add(-(timersAtOnce - 1) * timerTime); t.free.Before(first) {
		t.free = first
	}
	t.free = t.free.Add(timerTime)
	return true
}

// shared tells whether others have called the lane of late. By the zero time nobody has.
func (l *Lane) shared(now time.Time) bool {
	return !now.IsZero() && now.Sub(time.Unix(0, l.asked.Load())) < sharedFor
}
