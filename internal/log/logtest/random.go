package logtest

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"littlehorse/internal/log"
	"littlehorse/internal/machine"
)

// RunRandom appends, takes, commits, emits and crashes at random. What each stream saw in the end, crashes cut
// out, must be: no offset twice, each emitted record exactly once and in order of its pair of streams.
func RunRandom(t *testing.T, medium func(t testing.TB) Medium, seed uint64) {
	w := &walk{
		bench:   newBench(t, medium(t)),
		rng:     rand.New(rand.NewPCG(seed, 0)),
		applied: map[machine.Stream][]string{},
		emitted: map[[2]machine.Stream][]string{},
	}
	w.restart()
	for range 300 {
		w.step()
	}
	w.settle()
	w.check()
}

type walk struct {
	*bench
	rng      *rand.Rand
	sessions map[machine.Stream]log.Session
	taken    map[machine.Stream][]string
	applied  map[machine.Stream][]string    // names, in committed order
	emitted  map[[2]machine.Stream][]string // names, in committed order
	count    int
}

func (w *walk) restart() {
	if w.log != nil {
		w.medium.Crash(w)
	}
	w.start()
	w.sessions, w.taken = map[machine.Stream]log.Session{}, map[machine.Stream][]string{}
	for _, st := range Streams() {
		w.sessions[st] = w.open(st)
	}
}

func (w *walk) pick() machine.Stream { return Streams()[w.rng.IntN(len(Streams()))] }

func (w *walk) name() string {
	w.count++
	return fmt.Sprint(w.count)
}

func (w *walk) step() {
	st := w.pick()
	switch p := w.rng.IntN(100); {
	case p < 35:
		w.append(st, w.name())
	case p < 65:
		w.take(st, 1+w.rng.IntN(5))
	case p < 97:
		w.commitSome(st)
	default:
		w.restart()
	}
}

func (w *walk) take(st machine.Stream, n int) {
	for _, e := range w.entries(w.sessions[st], n) {
		if want := uint64(len(w.applied[st]) + len(w.taken[st]) + 1); e.Offset != want {
			w.Fatalf("%s gave offset %d, want %d", st, e.Offset, want)
		}
		w.taken[st] = append(w.taken[st], nameOf(e.Record))
	}
}

// commitSome applies some of what was taken; about half of the records emit one.
func (w *walk) commitSome(st machine.Stream) {
	if len(w.taken[st]) == 0 {
		return
	}
	n := 1 + w.rng.IntN(len(w.taken[st]))
	var emits []log.Emit
	for range n {
		if w.rng.IntN(2) == 0 {
			emits = append(emits, emit(st, w.pick(), "from "+st.String()+" "+w.name())...)
		}
	}
	w.commitTaken(st, n, emits)
}

func (w *walk) commitTaken(st machine.Stream, n int, emits []log.Emit) {
	w.mustCommit(w.sessions[st], st, uint64(len(w.applied[st])+n), emits...)
	w.applied[st] = append(w.applied[st], w.taken[st][:n]...)
	w.taken[st] = w.taken[st][n:]
	for _, e := range emits {
		pair := [2]machine.Stream{st, e.To}
		w.emitted[pair] = append(w.emitted[pair], nameOf(e.Record))
	}
}

// settle commits until nothing waits any more, all that was emitted has come, and the sources know it.
func (w *walk) settle() {
	deadline := time.Now().Add(patience)
	for moved := true; moved || !w.arrived() || slices.ContainsFunc(Streams(), w.keepsOutbox); {
		moved = false
		for _, st := range Streams() {
			w.take(st, many)
			if n := len(w.taken[st]); n > 0 {
				w.commitTaken(st, n, nil)
				moved = true
			}
		}
		if !moved && time.Now().After(deadline) {
			return
		}
		runtime.Gosched()
	}
}

func (w *walk) arrived() bool {
	for pair, emitted := range w.emitted {
		if len(emitted) > 0 && !slices.Contains(w.applied[pair[1]], emitted[len(emitted)-1]) {
			return false
		}
	}
	return true
}

func (w *walk) check() {
	for _, from := range Streams() {
		w.noOutbox(from)
		for _, to := range Streams() {
			var got []string
			for _, name := range w.applied[to] {
				if slices.Contains(w.emitted[[2]machine.Stream{from, to}], name) {
					got = append(got, name)
				}
			}
			if want := w.emitted[[2]machine.Stream{from, to}]; !slices.Equal(got, want) {
				w.Fatalf("%s emitted %q for %s, which applied %q", from, want, to, got)
			}
		}
	}
}
