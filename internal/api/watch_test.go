package api

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"littlehorse/internal/auth"
	"littlehorse/internal/lh"
)

// answers is an Authenticator that says the last of its answers, when it is asked often.
type answers struct {
	asked atomic.Int64
	say   []*lh.Error
}

func (a *answers) Authenticate(context.Context) (auth.Identity, *lh.Error) {
	n := int(a.asked.Add(1)) - 1
	return auth.Identity{}, a.say[min(n, len(a.say)-1)]
}

// A stream is over when its token expires or is taken back. An OAuth server that is down takes nothing back.
func TestTokensOfStreamsAreAskedAbout(t *testing.T) {
	t.Parallel()
	down, gone := lh.Errorf(lh.Unavailable, "down"), lh.Errorf(lh.Unauthenticated, "taken back")
	for _, c := range []struct {
		name  string
		left  time.Duration
		say   []*lh.Error
		asked int64
		says  string
	}{
		{"taken back", time.Hour, []*lh.Error{nil, down, nil, gone}, 4, "taken back"},
		{"expired", time.Millisecond, []*lh.Error{nil}, 1, "Token is not active"},
		{"expired while nobody can be asked", time.Millisecond, []*lh.Error{down}, 1, "Token is not active"},
		{"expired before it was looked at", -time.Hour, []*lh.Error{nil}, 1, "Token is not active"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f, who := newFace(t), &answers{say: c.say}
			over := f.watch(t.Context(), &call{listener: &Listener{Authenticator: who}, expires: f.now.Add(c.left)}, time.Millisecond)
			err := lh.AsError(<-over)
			if err == nil || err.Code != lh.Unauthenticated || err.Message != c.says || who.asked.Load() != c.asked {
				t.Errorf("asked %d times, %v", who.asked.Load(), err)
			}
		})
	}
	if newFace(t).watch(t.Context(), &call{}, time.Millisecond) != nil {
		t.Error("a stream without a token is watched")
	}
}
