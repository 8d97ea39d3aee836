package store

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// pebbleLogger takes what Pebble wants to say. Its Fatalf must not return, and must not end the process: a
// server that loses its disk still has callers to refuse and a reason to print.
type pebbleLogger struct{ s *Store }

func (pebbleLogger) Infof(string, ...any) {}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.s.log.Error(fmt.Sprintf(format, args...))
}

// Fatalf fails the store. Below a call of ours it unwinds the stack, and the call returns the failure; one of
// Pebble's own goroutines just ends.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	err := &fatal{text: fmt.Sprintf(format, args...)}
	for _, a := range args {
		if cause, ok := a.(error); ok {
			err.cause = cause
		}
	}
	l.s.fail(err)
	if calledByUs() {
		panic(err)
	}
	l.s.wedged.Store(true)
	runtime.Goexit()
}

// fatal is what Pebble called fatal, with the error that made it so.
type fatal struct {
	text  string
	cause error
}

func (f *fatal) Error() string { return f.text }
func (f *fatal) Unwrap() error { return f.cause }

// unwound fails the store for a panic out of Pebble. Ours leaves no lock behind; of any other nobody knows.
func (s *Store) unwound(p any) {
	err, ok := p.(error)
	if !ok {
		err = fmt.Errorf("%v", p)
	}
	if f := (*fatal)(nil); !errors.As(err, &f) {
		s.wedged.Store(true)
	}
	s.fail(err)
}

const maxFrames = 64

func calledByUs() bool {
	pcs := make([]uintptr, maxFrames)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if strings.Contains(f.Function, "/internal/store.") {
			return true
		}
		if !more {
			return false
		}
	}
}

func (s *Store) diskSlow(info vfs.DiskSlowInfo) {
	s.log.Warn("slow disk", "path", info.Path, "op", info.OpType.String(), "took", info.Duration)
}

// events turns what Pebble notices into log lines and failures. A flush or compaction that fails is not
// waited out: with the disk full or broken, writers would stall without an answer.
func (s *Store) events() *pebble.EventListener {
	l := &pebble.EventListener{
		BackgroundError: func(err error) { s.fail(fmt.Errorf("background: %w", err)) },
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			s.fail(fmt.Errorf("corruption in %s: %w", info.Path, info.Details))
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			s.stalls.Add(1)
			s.log.Warn("writes wait for flush or compaction", "reason", info.Reason)
		},
		WriteStallEnd: func() { s.log.Info("writes go on") },
	}
	s.tempo.listen(l)
	return l
}
