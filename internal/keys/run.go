package keys

import (
	"strconv"
	"strings"

	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

// RunKind is what a row under a WfRun holds.
type RunKind byte

// The rows under a WfRun, in their order within it.
const (
	KindWfRun         RunKind = 0x01 // pb.WfRunRow
	KindThreadRun     RunKind = 0x02 // lhpb.ThreadRun: thread
	KindNodeRun       RunKind = 0x03 // lhpb.NodeRun: thread, position
	KindVariable      RunKind = 0x04 // lhpb.Variable: thread, name
	KindTaskRun       RunKind = 0x05 // lhpb.TaskRun: guid
	KindCheckpoint    RunKind = 0x06 // lhpb.Checkpoint: guid, number
	KindExternalEvent RunKind = 0x07 // lhpb.ExternalEvent: def, guid
	KindUnclaimed     RunKind = 0x08 // pb.Empty: def, created (ns), guid; the ExternalEvents not claimed yet, for any NodeRun
	KindWorkflowEvent RunKind = 0x09 // lhpb.WorkflowEvent: def, number
	KindUserTaskRun   RunKind = 0x0a // lhpb.UserTaskRun: guid
	KindInactive      RunKind = 0x0b // lhpb.InactiveThreadRun: thread
	KindNodeOutput    RunKind = 0x0c // pb.NodeOutput: thread, node name
	KindContinue      RunKind = 0x0d // where work stands that one record could not finish
	KindWithdrawn     RunKind = 0x0e // pb.Withdrawal: thread, position; NodeRuns that waited for a correlation key in vain
	KindReserved      RunKind = 0x0f // pb.Empty: def, thread, position, created (ns), guid; as KindUnclaimed, for some NodeRuns only
	KindFanOut        RunKind = 0x14 // pb.FanOut: thread, position
	KindToFanOut      RunKind = 0x15 // pb.Empty: complement of the thread; those with children to start, last first
	KindSweep         RunKind = 0x16 // pb.Sweep: complement of the thread, thread whose children are left
	KindRest          RunKind = 0x17 // pb.Rest: thread

	KindWatch     RunKind = 0x18 // pb.Watch: subject, thread that watches it
	KindKin       RunKind = 0x19 // pb.Kin: thread, other thread
	KindWaitTally RunKind = 0x1a // pb.WaitTally: thread, position
	KindWaitBlock RunKind = 0x1b // lhpb.WaitForThreadsRun: thread, position, block
	KindQueued    RunKind = 0x1c // lhpb.PendingInterrupt: thread, position, complement of a number; newest first
	KindRound     RunKind = 0x1d // pb.Round: subject

	KindTaskInputs RunKind = 0x1e // pb.TaskInputs: guid of the TaskRun
	KindLent       RunKind = 0x1f // pb.Lent: thread, name; and, of each value that the Variable had, also its number
)

// Tenant builds the keys of one tenant; there is no way from it to another's.
type Tenant struct{ name string }

// In is the builder of a tenant's keys.
func In(tenant string) Tenant { return Tenant{tenant} }

// Name of the tenant.
func (t Tenant) Name() string { return t.name }

// Run builds the keys of one WfRun.
type Run struct{ prefix string }

// Run is the builder for the rows of the WfRun.
func (t Tenant) Run(id *lhpb.WfRunId) Run { return t.RunNamed(lh.WfRunIDString(id)) }

// RunNamed is Run for the canonical text of the id.
func (t Tenant) RunNamed(id string) Run {
	var room usual
	b := append(room[:0], byte(SpaceRun))
	b = appendText(b, t.name)
	b = appendText(b, id)
	return Run{string(b)}
}

// RunsFrom is the prefix of everything under the WfRuns whose ids, as canonical text, begin so.
func (t Tenant) RunsFrom(beginning string) Key {
	var room usual
	b := append(room[:0], byte(SpaceRun))
	b = appendText(b, t.name)
	b = appendText(b, beginning)
	return Key(b[:len(b)-len(textEnd)])
}

// All is the prefix of everything under the WfRun.
func (r Run) All() Key { return Key(r.prefix) }

// Kind is the prefix of the rows of one kind.
func (r Run) Kind(k RunKind) Key {
	var room usual
	return Key(r.start(&room, k))
}

// start begins a key in the room given, as far as that goes.
func (r Run) start(room *usual, k RunKind) []byte {
	return append(append(room[:0], r.prefix...), byte(k))
}

// WfRun is the row of the WfRun itself.
func (r Run) WfRun() Key { return r.Kind(KindWfRun) }

// ThreadRun is the row of an active ThreadRun.
func (r Run) ThreadRun(number int32) Key {
	var room usual
	return Key(appendInt32(r.start(&room, KindThreadRun), number))
}

// Inactive is the row of an archived ThreadRun.
func (r Run) Inactive(number int32) Key {
	var room usual
	return Key(appendInt32(r.start(&room, KindInactive), number))
}

// NodeRun is the row of a NodeRun.
func (r Run) NodeRun(thread, position int32) Key {
	var room usual
	return Key(appendInt32(appendInt32(r.start(&room, KindNodeRun), thread), position))
}

// NodeRunsOf is the prefix of the NodeRuns of one ThreadRun.
func (r Run) NodeRunsOf(thread int32) Key {
	var room usual
	return Key(appendInt32(r.start(&room, KindNodeRun), thread))
}

// ParseNodeRun reads the ThreadRun and the position from a NodeRun key of this WfRun.
func (r Run) ParseNodeRun(k Key) (thread, position int32, err error) {
	p := r.reader(k, KindNodeRun)
	thread, position = p.int32(), p.int32()
	return thread, position, p.done()
}

// Variable is the row of a Variable.
func (r Run) Variable(thread int32, name string) Key {
	var room usual
	return Key(appendText(appendInt32(r.start(&room, KindVariable), thread), name))
}

// TaskRun is the row of a TaskRun. Guids of the forms "1-2" and "ut-1-2-3" order by their numbers.
func (r Run) TaskRun(guid string) Key {
	var room usual
	return Key(appendGuid(r.start(&room, KindTaskRun), guid))
}

// TaskInputs is the row of the inputs of a TaskRun that its own row does not hold.
func (r Run) TaskInputs(guid string) Key {
	var room usual
	return Key(appendGuid(r.start(&room, KindTaskInputs), guid))
}

// Lent is the row that says whether TaskRuns were given the value that a Variable has.
func (r Run) Lent(thread int32, name string) Key {
	var room usual
	return Key(appendText(appendInt32(r.start(&room, KindLent), thread), name))
}

// LentBefore is the row of a value that a Variable had, and that TaskRuns were given.
func (r Run) LentBefore(thread int32, name string, number int32) Key {
	var room usual
	return Key(appendInt32(appendText(appendInt32(r.start(&room, KindLent), thread), name), number))
}

// Checkpoint is the row of a Checkpoint of a TaskRun.
func (r Run) Checkpoint(guid string, number int32) Key {
	var room usual
	return Key(appendInt32(appendGuid(r.start(&room, KindCheckpoint), guid), number))
}

// ExternalEvent is the row of an ExternalEvent.
func (r Run) ExternalEvent(def, guid string) Key {
	var room usual
	return Key(appendText(appendText(r.start(&room, KindExternalEvent), def), guid))
}

// Unclaimed is the row that says an ExternalEvent of the definition waits to be claimed.
func (r Run) Unclaimed(def string, createdNs int64, guid string) Key {
	var room usual
	b := appendText(r.start(&room, KindUnclaimed), def)
	return Key(appendText(appendInt64(b, createdNs), guid))
}

// UnclaimedOf is the prefix of the unclaimed ExternalEvents of the definition, oldest first.
func (r Run) UnclaimedOf(def string) Key {
	var room usual
	return Key(appendText(r.start(&room, KindUnclaimed), def))
}

// ParseUnclaimed reads the parts of an Unclaimed key of this WfRun.
func (r Run) ParseUnclaimed(k Key) (def string, createdNs int64, guid string, err error) {
	p := r.reader(k, KindUnclaimed)
	def, createdNs, guid = p.text(), p.int64(), p.text()
	return def, createdNs, guid, p.done()
}

// Any stands for all ThreadRuns, or all positions, in a Reserved key.
const Any int32 = -1

// Reserved is the row that lists an unclaimed event which is for a certain ThreadRun or position.
func (r Run) Reserved(def string, thread, position int32, createdNs int64, guid string) Key {
	return Key(appendText(appendInt64([]byte(r.ReservedFor(def, thread, position)), createdNs), guid))
}

// ReservedFor is the prefix of the unclaimed events of a definition which are for those NodeRuns, oldest first.
func (r Run) ReservedFor(def string, thread, position int32) Key {
	var room usual
	b := appendText(r.start(&room, KindReserved), def)
	return Key(appendInt32(appendInt32(b, thread), position))
}

// ReservedOf is the prefix of all unclaimed events of a definition which are for certain NodeRuns.
func (r Run) ReservedOf(def string) Key {
	var room usual
	return Key(appendText(r.start(&room, KindReserved), def))
}

// ParseReserved reads the parts of a Reserved key of this WfRun.
func (r Run) ParseReserved(k Key) (def string, thread, position int32, createdNs int64, guid string, err error) {
	p := r.reader(k, KindReserved)
	def, thread, position, createdNs, guid = p.text(), p.int32(), p.int32(), p.int64(), p.text()
	return def, thread, position, createdNs, guid, p.done()
}

// WorkflowEvent is the row of a WorkflowEvent.
func (r Run) WorkflowEvent(def string, number int32) Key {
	var room usual
	return Key(appendInt32(appendText(r.start(&room, KindWorkflowEvent), def), number))
}

// UserTaskRun is the row of a UserTaskRun.
func (r Run) UserTaskRun(guid string) Key {
	var room usual
	return Key(appendGuid(r.start(&room, KindUserTaskRun), guid))
}

// NodeOutput is the row of the latest output of a node within a ThreadRun.
func (r Run) NodeOutput(thread int32, node string) Key {
	var room usual
	return Key(appendText(appendInt32(r.start(&room, KindNodeOutput), thread), node))
}

// FanOut is the row of what a NodeRun has still to start children from.
func (r Run) FanOut(thread, position int32) Key {
	var room usual
	return Key(appendInt32(appendInt32(r.start(&room, KindFanOut), thread), position))
}

// ParseFanOut reads the NodeRun of a FanOut key of this WfRun.
func (r Run) ParseFanOut(k Key) (thread, position int32, err error) {
	p := r.reader(k, KindFanOut)
	thread, position = p.int32(), p.int32()
	return thread, position, p.done()
}

// ToFanOut is the row of a ThreadRun that has children left to start. The ThreadRun that was started last comes first.
func (r Run) ToFanOut(thread int32) Key {
	var room usual
	return Key(appendInt32(r.start(&room, KindToFanOut), ^thread))
}

// ParseToFanOut reads the ThreadRun of a ToFanOut key of this WfRun.
func (r Run) ParseToFanOut(k Key) (thread int32, err error) {
	p := r.reader(k, KindToFanOut)
	thread = ^p.int32()
	return thread, p.done()
}

// Sweep is the row of what is left to do for a ThreadRun to the children of another, itself or one below. The ThreadRun
// that was started last comes first.
func (r Run) Sweep(thread, of int32) Key {
	var room usual
	return Key(appendInt32(appendInt32(r.start(&room, KindSweep), ^thread), of))
}

// SweepsOf is the prefix of the Sweep rows of a ThreadRun.
func (r Run) SweepsOf(thread int32) Key {
	var room usual
	return Key(appendInt32(r.start(&room, KindSweep), ^thread))
}

// ParseSweep reads the ThreadRuns of a Sweep key of this WfRun.
func (r Run) ParseSweep(k Key) (thread, of int32, err error) {
	p := r.reader(k, KindSweep)
	thread, of = ^p.int32(), p.int32()
	return thread, of, p.done()
}

// Rest is the row of how far a ThreadRun has found those below it at rest.
func (r Run) Rest(thread int32) Key {
	var room usual
	return Key(appendInt32(r.start(&room, KindRest), thread))
}

// Queued is the row of an interrupt that waits until the ThreadRun is ready for it, beyond those that the WfRun lists. It holds
// while the ThreadRun stands at that position.
func (r Run) Queued(thread, position, number int32) Key {
	return Key(appendInt32([]byte(r.QueuedFor(thread, position)), ^number))
}

// QueuedFor is the prefix of the Queued rows of a ThreadRun at a position, newest first.
func (r Run) QueuedFor(thread, position int32) Key {
	var room usual
	return Key(appendInt32(appendInt32(r.start(&room, KindQueued), thread), position))
}

// ParseQueued reads the ThreadRun and its position from a Queued key of this WfRun.
func (r Run) ParseQueued(k Key) (thread, position int32, err error) {
	p := r.reader(k, KindQueued)
	thread, position = p.int32(), p.int32()
	p.int32()
	return thread, position, p.done()
}

// QueuedOf is the prefix of the Queued rows of a ThreadRun, those of lower positions first.
func (r Run) QueuedOf(thread int32) Key {
	var room usual
	return Key(appendInt32(r.start(&room, KindQueued), thread))
}

// Withdrawn is the row that says a NodeRun is not among those that wait for its correlation key, though it does.
func (r Run) Withdrawn(thread, position int32) Key {
	var room usual
	return Key(appendInt32(appendInt32(r.start(&room, KindWithdrawn), thread), position))
}

// ParseWithdrawn reads the parts of a Withdrawn key of this WfRun.
func (r Run) ParseWithdrawn(k Key) (thread, position int32, err error) {
	p := r.reader(k, KindWithdrawn)
	thread, position = p.int32(), p.int32()
	return thread, position, p.done()
}

// Subject is what a ThreadRun may watch within its WfRun.
type Subject string

const (
	subjectThread    byte = 0x01
	subjectVariable  byte = 0x02
	subjectEvent     byte = 0x03
	subjectWfRun     byte = 0x04
	subjectTrigger   byte = 0x05
	subjectInherited byte = 0x09

	// What no ThreadRun watches, and a Round may be for.
	subjectInterrupt byte = 0x06
	subjectQueued    byte = 0x08
)

// ThreadSubject is the ThreadRun of that number.
func ThreadSubject(number int32) Subject {
	return Subject(appendInt32([]byte{subjectThread}, number))
}

// VariableSubject is a Variable of a ThreadRun.
func VariableSubject(thread int32, name string) Subject {
	return Subject(appendText(appendInt32([]byte{subjectVariable}, thread), name))
}

// InheritedSubject is a Variable of a WfRun above, by the name under which it is inherited.
func InheritedSubject(name string) Subject {
	return Subject(appendText([]byte{subjectInherited}, name))
}

// EventSubject is whatever ExternalEvent of the definition comes for those who wait for it.
func EventSubject(def string) Subject { return Subject(appendText([]byte{subjectEvent}, def)) }

// TriggerSubject is whatever ExternalEvent of the definition comes to interrupt.
func TriggerSubject(def string) Subject { return Subject(appendText([]byte{subjectTrigger}, def)) }

// WfRunSubject is another WfRun, by the canonical text of its id.
func WfRunSubject(name string) Subject { return Subject(appendText([]byte{subjectWfRun}, name)) }

// InterruptSubject is one ExternalEvent that interrupts ThreadRuns, the oldest of a definition first.
func InterruptSubject(def string, createdNs int64, guid string) Subject {
	return Subject(appendText(appendInt64(appendText([]byte{subjectInterrupt}, def), createdNs), guid))
}

// AllSubject is something that every ThreadRun has to know.
const AllSubject = Subject("\x07")

// QueuedSubject is what is queued for a ThreadRun in vain.
func QueuedSubject(thread int32) Subject {
	return Subject(appendInt32([]byte{subjectQueued}, thread))
}

// ThreadRun is the number in a ThreadSubject or a QueuedSubject; -1 of others.
func (s Subject) ThreadRun() int32 {
	if s == "" || s[0] != subjectThread && s[0] != subjectQueued {
		return -1
	}
	p := &reader{rest: string(s[1:])}
	n := p.int32()
	if p.done() != nil {
		return -1
	}
	return n
}

// IsThread tells a ThreadSubject.
func (s Subject) IsThread() bool { return s != "" && s[0] == subjectThread }

// IsQueued tells a QueuedSubject.
func (s Subject) IsQueued() bool { return s != "" && s[0] == subjectQueued }

// Event is the definition in an EventSubject; false of others.
func (s Subject) Event() (def string, ok bool) {
	if s == "" || s[0] != subjectEvent {
		return "", false
	}
	p := &reader{rest: string(s[1:])}
	def = p.text()
	return def, p.done() == nil
}

// Watch is the row by which a ThreadRun watches the subject.
func (r Run) Watch(s Subject, by int32) Key {
	var room usual
	return Key(appendInt32(append(r.start(&room, KindWatch), s...), by))
}

// WatchesOf is the prefix of the watches of the subject, by ascending number of the ThreadRun.
func (r Run) WatchesOf(s Subject) Key {
	var room usual
	return Key(append(r.start(&room, KindWatch), s...))
}

// ParseWatch reads what is watched, and the ThreadRun that watches it, from a Watch key of this WfRun.
func (r Run) ParseWatch(k Key) (s Subject, by int32, err error) {
	p := r.reader(k, KindWatch)
	if len(p.rest) < 4 {
		p.fail("key of a watch")
		return "", 0, p.err
	}
	s, p.rest = Subject(p.rest[:len(p.rest)-4]), p.rest[len(p.rest)-4:]
	by = p.int32()
	return s, by, p.done()
}

// Round is the row of what is left to be told of the subject.
func (r Run) Round(s Subject) Key {
	var room usual
	return Key(append(r.start(&room, KindRound), s...))
}

// ParseRound reads the subject from a Round key of this WfRun.
func (r Run) ParseRound(k Key) (Subject, error) {
	p := r.reader(k, KindRound)
	s := Subject(p.rest)
	if s == "" {
		p.fail("key of a round")
	}
	p.rest = ""
	return s, p.done()
}

// Kin is the row of what a ThreadRun has to do with another.
func (r Run) Kin(thread, other int32) Key {
	var room usual
	return Key(appendInt32(appendInt32(r.start(&room, KindKin), thread), other))
}

// KinOf is the prefix of the Kin rows of a ThreadRun, by ascending number of the other.
func (r Run) KinOf(thread int32) Key {
	var room usual
	return Key(appendInt32(r.start(&room, KindKin), thread))
}

// ParseKin reads the other ThreadRun from a Kin key of this WfRun.
func (r Run) ParseKin(k Key) (thread, other int32, err error) {
	p := r.reader(k, KindKin)
	thread, other = p.int32(), p.int32()
	return thread, other, p.done()
}

// WaitTally is the row that counts the entries of a wait.
func (r Run) WaitTally(thread, position int32) Key {
	var room usual
	return Key(appendInt32(appendInt32(r.start(&room, KindWaitTally), thread), position))
}

// WaitBlock is the row of some of the entries of a wait.
func (r Run) WaitBlock(thread, position, block int32) Key {
	var room usual
	return Key(appendInt32(appendInt32(appendInt32(r.start(&room, KindWaitBlock), thread), position), block))
}

// ParseWaitBlock reads the wait that a WaitBlock key of this WfRun belongs to.
func (r Run) ParseWaitBlock(k Key) (thread, position int32, err error) {
	p := r.reader(k, KindWaitBlock)
	thread, position = p.int32(), p.int32()
	p.int32()
	return thread, position, p.done()
}

// WaitBlocksOf is the prefix of the blocks of a wait, in order.
func (r Run) WaitBlocksOf(thread, position int32) Key {
	var room usual
	return Key(appendInt32(appendInt32(r.start(&room, KindWaitBlock), thread), position))
}

// Continue is the row of unfinished work of the given kind on this WfRun.
func (r Run) Continue(what string) Key {
	var room usual
	return Key(appendText(r.start(&room, KindContinue), what))
}

// ParseContinue reads the parts of a Continue key.
func ParseContinue(k Key) (run RunKey, what string, err error) {
	p := &reader{rest: string(k)}
	if Space(p.byte()) != SpaceRun {
		p.fail("key of a WfRun")
	}
	run = RunKey{Tenant: p.text(), WfRun: p.text(), Kind: RunKind(p.byte())}
	if run.Kind != KindContinue {
		p.fail("key of unfinished work")
	}
	what = p.text()
	return run, what, p.done()
}

func (r Run) reader(k Key, kind RunKind) *reader {
	p := &reader{}
	rest, ok := strings.CutPrefix(string(k), r.prefix)
	if !ok || rest == "" || RunKind(rest[0]) != kind {
		p.fail("key of a WfRun")
		return p
	}
	p.rest = rest[1:]
	return p
}

// RunKey is a row under a WfRun taken apart.
type RunKey struct {
	Tenant string
	WfRun  string // canonical text
	Kind   RunKind
}

// ParseRun reads tenant, WfRun and kind of a key in the run space.
func ParseRun(k Key) (RunKey, error) {
	p := &reader{rest: string(k)}
	if Space(p.byte()) != SpaceRun {
		p.fail("key of a WfRun")
	}
	out := RunKey{Tenant: p.text(), WfRun: p.text(), Kind: RunKind(p.byte())}
	return out, p.err
}

const (
	guidTask     byte = 0x01
	guidReminder byte = 0x02
	guidOther    byte = 0x03
)

func appendGuid(b []byte, guid string) []byte {
	form, body, want := guidTask, guid, 2
	if rest, ok := strings.CutPrefix(guid, "ut-"); ok {
		form, body, want = guidReminder, rest, 3
	}
	if n, count := plainNumbers(body); count == want {
		b = append(b, form)
		for _, v := range n[:count] {
			b = appendInt32(b, v)
		}
		return b
	}
	return appendText(append(b, guidOther), guid)
}

// plainNumbers reads "1-2-3"; none unless each part is a number written in the one canonical way.
func plainNumbers(s string) (numbers [3]int32, count int) {
	for part := range strings.SplitSeq(s, "-") {
		if count == len(numbers) {
			return numbers, 0
		}
		n, ok := plainNumber(part)
		if !ok {
			return numbers, 0
		}
		numbers[count] = n
		count++
	}
	return numbers, count
}

// plainNumber reads a number without sign or leading zeros.
func plainNumber(s string) (int32, bool) {
	if s == "" || s[0] == '0' && len(s) > 1 || s[0] == '+' || s[0] == '-' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 32)
	return int32(n), err == nil
}

func (r *reader) guid() string {
	switch form := r.byte(); form {
	case guidTask:
		return strconv.Itoa(int(r.int32())) + "-" + strconv.Itoa(int(r.int32()))
	case guidReminder:
		return "ut-" + strconv.Itoa(int(r.int32())) + "-" + strconv.Itoa(int(r.int32())) + "-" + strconv.Itoa(int(r.int32()))
	case guidOther:
		return r.text()
	default:
		r.fail("guid")
		return ""
	}
}
