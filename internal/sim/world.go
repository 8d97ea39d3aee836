package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

const (
	partitions = 3
	specCount  = 3
	// outputRetention and outputRecords bound what tenants with output topics can read back.
	outputRetention = 10 * time.Minute
	outputRecords   = 40
	// horizon bounds the virtual time in which everything that was begun must end, workers being willing. People fill in one form
	// at a time, and hours may pass in between.
	horizon = 100 * time.Hour
)

// begin is when the clock of every simulation stands at its start.
var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Options of one run.
type Options struct {
	Seed uint64
	// Steps of the random part; default 1,000.
	Steps int
	// Fault to plant; none by default.
	Fault Fault
}

// Result of one run.
type Result struct {
	Violations []Violation
	Crashes    int
	Runs       int // acknowledged WfRuns
	Deliveries int
	Records    int // applied and durable
	// Seen says how often something was driven or came of it, by name: commands, nodes, failures, halts, attempts, timers.
	Seen map[string]int
}

// world is everything outside the server, and what is known of it.
type world struct {
	options Options
	rng     *rand.Rand
	clock   clock
	disk    *disk
	streams []machine.Stream
	lanes   int
	// narrow has the engine do in many records what it else does in one.
	narrow bool
	// crowded lets few ThreadRuns of a WfRun be active at once.
	crowded bool
	server  *server
	at      *driven // the lane whose step is taken

	starts, crashes   int
	requests, credits uint64
	events            int

	started      map[string]int // WfRun id to spec
	acknowledged map[string]bool
	deleted      map[string]int // deletions asked for and not refused
	posted       map[string]posted
	stopped      []stopped
	delivered    map[string]int
	filledIn     []filledIn
	held         []*lhpb.ScheduledTask // tasks that workers have

	fading  map[string]bool // WfSpecs whose WfRuns are deleted some time after they have ended
	ended   map[string]bool // WfRuns that have ended at least once
	removed map[string]bool // WfRuns that were deleted by right; a power cut may have taken that back
	bulked  string          // the WfSpec whose WfRuns a bulk job deletes
	halted  []int           // the WfSpecs whose WfRuns bulk jobs have stopped
	acts    int             // how many bulk jobs there are that do not delete
	// cancelled says that the one that deletes was cancelled before its end.
	cancelled bool
	expires   bool // events that nobody wants go away

	applied    map[machine.Stream][]*pb.Record
	violations []Violation
	seen       map[string]int
}

// posted is an acknowledged ExternalEvent.
type posted struct{ run, def string }

// stopped is a ThreadRun that a client has asked to stop.
type stopped struct {
	run    string // canonical text
	thread int32
}

// maxViolations ends a run that has gone wrong beyond doubt.
const maxViolations = 10

// errGivenUp ends a run after too many violations.
var errGivenUp = errors.New("sim: too many violations")

// Run plays one seed to its end.
func Run(o Options) (Result, error) {
	if o.Steps == 0 {
		o.Steps = 1_000
	}
	w := newWorld(o)
	err := w.play()
	if w.server != nil {
		w.server.close()
	}
	if errors.Is(err, errGivenUp) {
		err = nil
	}
	r := Result{Violations: w.violations, Crashes: w.crashes, Runs: len(w.acknowledged), Deliveries: len(w.delivered), Seen: w.seen}
	for _, a := range w.applied {
		r.Records += len(a)
	}
	return r, err
}

func newWorld(o Options) *world {
	w := &world{
		options: o, rng: rand.New(rand.NewPCG(o.Seed, 0x6c68)),
		clock:   clock{ns: begin.UnixNano()},
		streams: []machine.Stream{metadata},
		started: map[string]int{}, acknowledged: map[string]bool{}, deleted: map[string]int{},
		posted: map[string]posted{}, delivered: map[string]int{}, applied: map[machine.Stream][]*pb.Record{},
		fading: map[string]bool{}, ended: map[string]bool{}, removed: map[string]bool{}, seen: map[string]int{},
	}
	for p := range partitions {
		w.streams = append(w.streams, machine.Stream{Kind: machine.Core, Partition: uint16(p)},
			machine.Stream{Kind: machine.Repartition, Partition: uint16(p)})
	}
	w.lanes = len(w.streams)
	if w.rng.IntN(3) == 0 {
		w.lanes = 2
	}
	w.narrow = w.rng.IntN(2) == 0
	w.crowded = w.rng.IntN(5) == 0
	w.expires = w.rng.IntN(3) == 0
	w.disk = newDisk(vfs.NewCrashableMem(), w.rng.Uint64())
	return w
}

func (w *world) play() error {
	if err := w.reopen(); err != nil {
		return err
	}
	if err := w.define(); err != nil {
		return err
	}
	for range w.options.Steps {
		if err := w.step(); err != nil {
			return err
		}
	}
	if err := w.crash(); err != nil {
		return err
	}
	if err := w.finish(); err != nil {
		return err
	}
	w.judge()
	w.judgeCorrelations()
	w.judgeQuiet()
	w.judgeEnds()
	lot := w.largestLot()
	if err := w.bulkDelete(lot); err != nil {
		return err
	}
	w.judge()
	w.judgeBulk(lot)
	w.judgeQuiet()
	w.judgeReplay()
	return nil
}

// eventDef is an event that can also be sent by a key, and may be used up by those who get it first, or by time.
func (w *world) eventDef() *lhpb.PutExternalEventDefRequest {
	c := &lhpb.CorrelatedEventConfig{DeleteAfterFirstCorrelation: w.rng.IntN(2) == 0}
	if w.rng.IntN(3) == 0 {
		ttl := int64(w.rng.IntN(10))
		c.TtlSeconds = &ttl
	}
	r := &lhpb.PutExternalEventDefRequest{Name: eventDef, CorrelatedEventConfig: c}
	if w.expires {
		r.RetentionPolicy = &lhpb.ExternalEventRetentionPolicy{ExtEvtGcPolicy: &lhpb.ExternalEventRetentionPolicy_SecondsAfterPut{
			SecondsAfterPut: int64(w.rng.IntN(10)),
		}}
	}
	return r
}

func specName(n int) string { return fmt.Sprintf("spec-%d", n) }

// publishing has the run data and definitions of every other world published, of some only the definitions.
func (w *world) publishing() []*pb.Record {
	if w.rng.IntN(2) == 0 {
		return nil
	}
	level := lhpb.OutputTopicConfig_ALL_ENTITY_EVENTS
	if w.rng.IntN(4) == 0 {
		level = lhpb.OutputTopicConfig_NO_ENTITY_EVENTS
	}
	return []*pb.Record{{Command: &pb.Record_PutTenant{PutTenant: &lhpb.PutTenantRequest{
		Id: tenant, OutputTopicConfig: &lhpb.OutputTopicConfig{DefaultRecordingLevel: level},
	}}}}
}

// define registers the definitions and waits for them.
func (w *world) define() error {
	puts := w.publishing()
	puts = append(puts, []*pb.Record{
		{Command: &pb.Record_PutTaskDef{PutTaskDef: &lhpb.PutTaskDefRequest{Name: taskDef}}},
		{Command: &pb.Record_PutTaskDef{PutTaskDef: &lhpb.PutTaskDefRequest{
			Name: countDef, InputVars: []*lhpb.VariableDef{integerVar("n", lhpb.WfRunVariableAccessLevel_PRIVATE_VAR).VarDef},
		}}},
		{Command: &pb.Record_PutTaskDef{PutTaskDef: &lhpb.PutTaskDefRequest{Name: leftDef}}},
		{Command: &pb.Record_PutExternalEventDef{PutExternalEventDef: w.eventDef()}},
		{Command: &pb.Record_PutExternalEventDef{PutExternalEventDef: &lhpb.PutExternalEventDefRequest{Name: stopDef}}},
	}...)
	puts = append(puts,
		&pb.Record{Command: &pb.Record_PutWorkflowEventDef{PutWorkflowEventDef: &lhpb.PutWorkflowEventDefRequest{Name: noteDef}}},
		&pb.Record{Command: &pb.Record_PutUserTaskDef{PutUserTaskDef: &lhpb.PutUserTaskDefRequest{
			Name: formDef, Fields: []*lhpb.UserTaskField{{Name: "answer", Type: lhpb.VariableType_INT, Required: true}},
		}}},
		&pb.Record{Command: &pb.Record_PutWfSpec{PutWfSpec: subWfSpec(w.rng)}},
	)
	for n := range specCount {
		spec := wfSpec(w.rng, specName(n))
		puts = append(puts, &pb.Record{Command: &pb.Record_PutWfSpec{PutWfSpec: spec}})
		if n == 0 {
			puts = append(puts, &pb.Record{Command: &pb.Record_PutWfSpec{PutWfSpec: nextVersion(spec)}},
				&pb.Record{Command: &pb.Record_PutWorkflowMigrationPlan{PutWorkflowMigrationPlan: plan(spec)}})
		}
	}
	parent := specName(w.rng.IntN(specCount))
	puts = append(puts,
		&pb.Record{Command: &pb.Record_PutWfSpec{PutWfSpec: heirWfSpec(w.rng, heirSpec, parent, lateHeirSpec)}},
		&pb.Record{Command: &pb.Record_PutWfSpec{PutWfSpec: heirWfSpec(w.rng, lateHeirSpec, heirSpec)}},
	)
	for _, r := range puts {
		if spec := r.GetPutWfSpec(); spec.GetRetentionPolicy() != nil {
			w.fading[spec.Name] = true
		}
		answered := false
		w.submit(metadata, r, func(reply machine.Reply) {
			answered = true
			if reply.Err != nil {
				w.violate("client", "%T was refused: %v", r.Command, reply.Err)
			}
		})
		if err := w.server.settle(); err != nil {
			return err
		}
		if !answered {
			return fmt.Errorf("sim: %T was not answered", r.Command)
		}
	}
	return nil
}

// step lets one thing happen.
func (w *world) step() error {
	if len(w.violations) >= maxViolations {
		return errGivenUp
	}
	w.tick()
	switch n := w.rng.IntN(400); {
	case n < 60:
		w.client()
	case n < 130:
		w.worker()
	case n < 142:
		w.clock.ns += int64(w.rng.IntN(5000)) * int64(time.Millisecond)
	case n < 143:
		w.disk.arm(w.rng.IntN(6))
	case n < 145:
		return w.crash()
	case n < 147:
		w.stopInBulk()
	default:
		if err := w.server.advance(w.server.lanes[w.rng.IntN(len(w.server.lanes))]); err != nil {
			return err
		}
		if w.disk.isCut() {
			return w.crash()
		}
	}
	return nil
}

// tick lets no two steps be at the same time: what lived before under the same id can be told by it.
func (w *world) tick() { w.clock.ns += int64(time.Millisecond) }

// crash cuts the power and starts again, more than once if the power fails again before the server is up.
func (w *world) crash() error {
	w.server.close()
	w.server = nil
	return w.reopen()
}

func (w *world) reopen() error {
	for {
		if w.starts > 0 {
			w.crashes++
			w.disk = newDisk(w.disk.cut(), w.rng.Uint64())
			if w.rng.IntN(5) == 0 {
				w.disk.arm(w.rng.IntN(30))
			}
		}
		s, err := w.start()
		if err != nil {
			return err
		}
		if !w.disk.isCut() {
			w.server = s
			break
		}
		s.close()
	}
	w.judge()
	return nil
}

// finish lets workers answer everything, people fill in their forms, clients resume what they stopped, and time pass, until nothing happens
// any more.
func (w *world) finish() error {
	w.disk.arm(-1)
	if err := w.resumeAll(); err != nil {
		return err
	}
	for n := range scheduleCount {
		w.unschedule(fmt.Sprintf("schedule-%d", n))
	}
	end := w.clock.ns + int64(horizon)
	for w.clock.ns < end {
		if len(w.violations) >= maxViolations {
			return errGivenUp
		}
		w.tick()
		if err := w.server.settle(); err != nil {
			return err
		}
		if w.workAll() {
			continue
		}
		at, ok, err := w.nextTimer()
		if err != nil {
			return err
		}
		if (!ok || w.rng.IntN(2) == 0) && w.fillInOne() {
			continue
		}
		if !ok {
			if w.resumeInBulk() {
				continue
			}
			return nil
		}
		w.clock.ns = max(w.clock.ns, at.UnixNano())
	}
	w.violate("end", "after %v of virtual time something still goes on", horizon)
	return nil
}

// resumeAll lets go on what clients have stopped.
func (w *world) resumeAll() error {
	for _, at := range w.stopped {
		w.resume(at)
		if err := w.server.settle(); err != nil {
			return err
		}
	}
	return nil
}

// workAll reports everything that workers hold and claims everything that waits.
func (w *world) workAll() bool {
	held := w.held
	w.held = nil
	for _, task := range held {
		w.report(task, lhpb.TaskStatus_TASK_SUCCESS)
	}
	waiting := w.server.sortedWaiting()
	for _, hint := range waiting {
		w.claim(hint)
	}
	return len(held)+len(waiting) > 0
}

func (w *world) nextTimer() (first time.Time, ok bool, err error) {
	for _, l := range w.server.lanes {
		at, has, err := l.NextTimer()
		if err != nil {
			return time.Time{}, false, err
		}
		if has && (!ok || at.Before(first)) {
			first, ok = at, true
		}
	}
	return first, ok, nil
}

func (w *world) violate(judge, format string, args ...any) {
	w.violations = append(w.violations, Violation{judge, fmt.Sprintf(format, args...)})
}
