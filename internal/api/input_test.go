package api

import (
	"testing"
	"testing/synctest"
)

const maxInputs = 256 << 20

// A connection gets a part of what is free, all together never more than there is but for the least of each.
func TestInputsShareWhatIsFree(t *testing.T) {
	t.Parallel()
	const step, connections = 1 << 16, 50
	b := NewBacklogs(1<<20, maxInputs)
	for n := range connections {
		free, l := maxInputs-b.Incoming(), b.Open(&line{})
		for l.Keep(step) {
			continue
		}
		if l.input > max(free/(1+shareOfFree)+step, leastInput) || l.input < leastInput {
			t.Fatalf("connection %d holds %d bytes of %d that were free", n, l.input, free)
		}
	}
	if n := b.Incoming(); n > maxInputs+connections*leastInput {
		t.Errorf("%d bytes are there", n)
	}
	for _, l := range b.all() {
		l.Close()
	}
	if n := b.Incoming(); n != 0 {
		t.Errorf("%d bytes are left of those that are closed", n)
	}
}

// Who reads a connection waits while too much of it is there, until that is gone, or the connection is.
func TestWhoSendsTooMuchIsHeldUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBacklogs(1<<20, maxInputs)
		conn := &line{}
		l := b.Open(conn)
		l.Came(maxInputs / 8)
		read := make(chan struct{})
		go func() {
			l.Came(maxInputs / 8)
			close(read)
		}()
		synctest.Wait()
		select {
		case <-read:
			t.Fatal("all of it is read at once")
		default:
		}
		l.Gone(maxInputs / 8)
		<-read
		if conn.closed {
			t.Error("a connection is closed that has made room")
		}
		l.Came(maxInputs / 2)
		if !conn.closed {
			t.Error("a connection is kept that makes no room")
		}
	})
}
