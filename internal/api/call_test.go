package api

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// The context of a call ends with that of the transport or with its own time, whatever comes first, for those who wait
// for the end and for those who only look.
func TestContextOfACall(t *testing.T) {
	for name, c := range map[string]struct {
		theirs, ours time.Duration
		waits        bool
	}{
		"ours, looked at":   {time.Hour, time.Minute, false},
		"ours, waited for":  {time.Hour, time.Minute, true},
		"theirs, looked at": {time.Second, time.Minute, false},
		"theirs, waited":    {time.Second, time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport, cancel := context.WithTimeout(t.Context(), c.theirs)
				defer cancel()
				start, first := time.Now(), min(c.theirs, c.ours)
				call := &call{Context: transport, until: start.Add(c.ours)}
				if at, ok := call.Deadline(); !ok || !at.Equal(start.Add(first)) || call.Err() != nil || callOf(call) != call {
					t.Errorf("deadline %v, %v", at, call.Err())
				}
				if c.waits {
					<-call.Done()
				} else {
					time.Sleep(first)
					synctest.Wait()
				}
				if time.Since(start) != first || !errors.Is(call.Err(), context.DeadlineExceeded) {
					t.Errorf("after %s: %v", time.Since(start), call.Err())
				}
				call.close()
				<-call.Done()
			})
		})
	}
}

// A call that has ended leaves nothing behind, and whoever still asks is told the end of the transport.
func TestClosedCall(t *testing.T) {
	transport, cancel := context.WithCancel(t.Context())
	call := &call{Context: transport, until: time.Now().Add(time.Hour)}
	call.close()
	cancel()
	<-call.Done()
	if !errors.Is(call.Err(), context.Canceled) {
		t.Error(call.Err())
	}
}

// Whoever waits for the end of a call and is told it by the end of its handler, before the transport ends it, finds that it has ended: a context that
// is made of another one, as of that of a call, is nothing that may end without a reason.
func TestContextOfACallThatHasEndedSaysWhy(t *testing.T) {
	call := &call{Context: t.Context(), until: time.Now().Add(time.Hour)}
	over := call.Done()
	call.close()
	<-over
	if !errors.Is(call.Err(), context.Canceled) {
		t.Errorf("it has ended, and says %v", call.Err())
	}
}
