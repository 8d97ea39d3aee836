package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"littlehorse/test/broker"
)

// fault takes something away and gives it back.
type fault struct {
	name string
	// strikes takes it away and returns how it is given back.
	strikes func(w *world) (heal func())
	// stops says that not everybody gets an answer meanwhile, so that nobody is expected to.
	stops bool
}

// faults by their numbers. The first is none.
var faults = []fault{
	{name: "nothing", strikes: func(*world) func() { return func() {} }},
	{name: "a server is killed", strikes: killServer},
	{name: "a server is killed and its disk is lost", strikes: wipeServer},
	{name: "a server is paused for longer than its session", strikes: pauseServer},
	{name: "a server is cut from the brokers", strikes: func(w *world) func() { return w.cut(w.someSite().place, w.others(nil)...) }},
	{name: "a server is cut from its peers", strikes: func(w *world) func() { s := w.someSite(); return w.cut(s.place, w.peers(s)...) }},
	{name: "a server is cut from its clients", strikes: func(w *world) func() { return w.cut(w.someSite().place, clientHost) }},
	{name: "the disk of a server is full", strikes: fillDisk, stops: true}, // what it owns takes nothing
	{name: "all servers are restarted one after the other", strikes: restartAll},
	{name: "a broker is killed", strikes: func(w *world) func() { return w.killBrokers(w.someBrokers(1)) }},
	{name: "the broker that leads the controllers is killed", strikes: func(w *world) func() {
		return w.killBrokers([]*broker.Broker{w.brokers.Leading(w)})
	}},
	{name: "a broker is paused for longer than its session", strikes: pauseBroker},
	{name: "two of three brokers are killed", strikes: func(w *world) func() { return w.killBrokers(w.someBrokers(2)) }, stops: true},
	{name: "a broker is cut from the others", strikes: cutBroker},
	{name: "a server is cut from one broker", strikes: func(w *world) func() { return w.cut(w.someSite().place, w.someHome().host) }},
	{name: "the disk of a server is slow", strikes: slowDisk},
}

func (w *world) someSite() *site { return w.sites[w.rng.IntN(servers)] }

func (w *world) someBrokers(n int) (some []*broker.Broker) {
	for _, i := range w.rng.Perm(len(w.brokers.Brokers))[:n] {
		some = append(some, w.brokers.Brokers[i])
	}
	return some
}

func (w *world) someHome() *place { return w.homes[w.rng.IntN(brokers)] }

// cutBroker lets servers reach a broker that the others do not.
func cutBroker(w *world) func() {
	home := w.someHome()
	heal := w.cut(home, w.others(home)...)
	return func() {
		heal()
		w.brokers.AwaitAll(w)
	}
}

// syncTime is what a slow disk takes to have something safe.
const syncTime = 300 * time.Millisecond

// slowDisk lets a tracer hold up whatever the server wants to have on its disk; everything else that it asks of the kernel takes longer, too.
func slowDisk(w *world) func() {
	s := w.someSite()
	tracer := exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync,sync_file_range",
		"-e", fmt.Sprintf("inject=fsync,fdatasync,sync_file_range:delay_enter=%d", syncTime.Microseconds()), "-p", strconv.Itoa(s.PID()))
	tracer.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	said := &strings.Builder{}
	tracer.Stdout, tracer.Stderr = said, said
	if err := tracer.Start(); err != nil {
		w.Fatal(err)
	}
	w.until("a tracer holds the server", func(context.Context) error {
		if traced(s.PID()) {
			return nil
		}
		return errors.New(said.String())
	})
	return func() {
		if !traced(s.PID()) {
			w.Errorf("the tracer of server %d has let it go: %s", s.number, said)
		}
		_ = tracer.Process.Signal(syscall.SIGTERM) // lets go of the server
		_ = tracer.Wait()
	}
}

// traced tells whether a process has a tracer.
func traced(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && !strings.Contains(string(text), "\nTracerPid:\t0\n")
}

func killServer(w *world) func() {
	s := w.someSite()
	s.Kill()
	return func() { s.launch(w) }
}

func wipeServer(w *world) func() {
	s := w.someSite()
	w.loseDisk(s)
	return func() { s.launch(w) }
}

func (w *world) loseDisk(s *site) {
	w.Helper()
	s.Kill()
	if err := os.RemoveAll(s.Data); err != nil {
		w.Fatal(err)
	}
}

func pauseServer(w *world) func() {
	s := w.someSite()
	s.signal(w, syscall.SIGSTOP)
	w.pause(session*5/4, session*3/2)
	return func() { s.signal(w, syscall.SIGCONT) }
}

func fillDisk(w *world) func() {
	s := w.someSite()
	hog := filepath.Join(s.disk, "hog")
	f, err := os.Create(hog)
	if err != nil {
		w.Fatal(err)
	}
	for block := make([]byte, 1<<20); err == nil; {
		_, err = f.Write(block)
	}
	if err := f.Close(); err != nil {
		w.Fatal(err)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		w.Fatal(err)
	}
	return func() {
		if err := os.Remove(hog); err != nil {
			w.Fatal(err)
		}
	}
}

func restartAll(w *world) func() {
	for _, s := range w.sites {
		s.Stop(w)
		s.launch(w)
		s.await(w)
	}
	return func() {}
}

func (w *world) killBrokers(some []*broker.Broker) func() {
	for _, b := range some {
		b.Kill()
	}
	return func() {
		for _, b := range some {
			b.Start(w)
		}
		for _, b := range some {
			b.Await(w)
		}
		w.brokers.AwaitAll(w)
	}
}

func pauseBroker(w *world) func() {
	b := w.someBrokers(1)[0]
	b.Signal(w, syscall.SIGSTOP)
	w.pause(session*5/4, session*3/2)
	return func() {
		b.Signal(w, syscall.SIGCONT)
		w.brokers.AwaitAll(w)
	}
}

// setting is a number from the environment.
func setting(t *testing.T, name string, fallback uint64) uint64 {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return fallback
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestClusterOutlivesFaults takes away what a cluster stands on, again and again: after each round every acknowledged run is
// there and completes, no attempt was delivered twice, and what clients were told of each WfRun has an order that explains it.
// SEED repeats the choice of faults, ROUNDS says how many rounds there are, FAULTS (numbers, with commas) which faults; IN_TURN=1 takes them in
// turn.
//
// holds: ZonesMayFail
func TestClusterOutlivesFaults(t *testing.T) {
	seed := setting(t, "SEED", uint64(time.Now().UnixNano()%1_000_000))
	rounds := int(setting(t, "ROUNDS", 200))
	t.Logf("SEED=%d ROUNDS=%d", seed, rounds)
	w := newWorld(t, seed, int(setting(t, "STANDBYS", 1)))
	w.load = newLoad(w)
	some, inTurn := chosen(t), setting(t, "IN_TURN", 0) > 0
	counts := map[string]int{}
	for round := range rounds {
		began := time.Now()
		w.load.turn(t, round)
		f := some[w.rng.IntN(len(some))]
		if inTurn {
			f = some[round%len(some)]
		}
		t.Logf("round %d: %s", round, f.name)
		w.round(f)
		counts[f.name]++
		if w.judge() {
			w.tellAll()
			t.Fatalf("round %d of SEED=%d: %s", round, seed, f.name)
		}
		t.Logf("round %d: %.1f s", round, time.Since(began).Seconds())
	}
	w.load.turn(t, rounds)
	for _, s := range w.sites {
		w.load.found(s)
	}
	if w.judge() {
		w.tellAll()
		t.FailNow()
	}
	for _, f := range faults {
		t.Logf("%4d rounds: %s", counts[f.name], f.name)
	}
	w.load.mu.Lock()
	defer w.load.mu.Unlock()
	for _, of := range w.load.officials {
		t.Logf("%d runs were acknowledged to the official %s client", of.acks.Load(), of.language)
	}
	t.Logf("%d runs were acknowledged in all, %d attempts delivered, calls of ours refused: %v", len(w.load.all), len(w.load.delivered), w.load.refused)
}

// chosen are the faults that the environment names, or all that are some.
func chosen(t *testing.T) (some []fault) {
	t.Helper()
	names := os.Getenv("FAULTS")
	if names == "" {
		return faults[1:]
	}
	for _, s := range strings.Split(names, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n >= len(faults) {
			t.Fatalf("FAULTS: %q is not a number from 0 to %d", s, len(faults)-1)
		}
		some = append(some, faults[n])
	}
	return some
}

// round is one fault under load, and what comes after it.
func (w *world) round(f fault) {
	if !w.load.goesOn(10) {
		w.load.blame("nothing goes on before the fault")
		return
	}
	heal := f.strikes(w)
	w.pause(session/6, session*3/2)
	if !f.stops && !w.load.goesOn(40) { // more than can go on beside a partition that takes nothing
		w.load.blame("nothing goes on while there is a fault: %s", f.name)
	}
	heal()
	for _, s := range w.sites {
		s.await(w)
	}
	if !w.load.goesOn(10) {
		w.load.blame("nothing goes on after the fault")
	}
	for _, of := range w.load.officials {
		if !grows(&of.acks, 3) {
			w.load.blame("the official %s client does not go on after the fault", of.language)
		}
	}
	w.load.settle(w.rng)
}

// judge tells whether something is wrong, and says it.
func (w *world) judge() bool {
	w.load.mu.Lock()
	defer w.load.mu.Unlock()
	for _, wrong := range w.load.wrong[:min(20, len(w.load.wrong))] {
		w.Error(wrong)
	}
	return len(w.load.wrong) > 0
}

// tellAll leaves what servers and brokers have said in a folder.
func (w *world) tellAll() {
	dir, err := os.MkdirTemp("", "lh-faults-")
	if err != nil {
		w.Error(err)
		return
	}
	for _, s := range w.sites {
		s.remember()
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, fmt.Sprintf("server-%d.log", s.number)), []byte(s.said.String()), 0o600))
	}
	for i, b := range w.brokers.Brokers {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, fmt.Sprintf("broker-%d.log", i)), []byte(b.Output()), 0o600))
	}
	w.Logf("what servers and brokers have said is in %s (%v)", dir, err)
}
