package partition

import (
	"testing"
	"time"
)

// TestAlarmsFollowJumpsOfTheClock: an alarm for the far future rings early, so that a clock that jumps there is
// noticed.
func TestAlarmsFollowJumpsOfTheClock(t *testing.T) {
	c, cancel := SystemClock{}.Alarm(time.Now().Add(time.Hour))
	defer cancel()
	<-c
	c, cancel = SystemClock{}.Alarm(time.Now().Add(-time.Hour))
	defer cancel()
	<-c
}
