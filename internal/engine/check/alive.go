package check

import (
	"fmt"
	"slices"

	"littlehorse/internal/engine"
	"littlehorse/internal/keys"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// checkRun checks one WfRun as a whole.
func (s *state) checkRun(w *wfRun) {
	if w.row == nil {
		if len(w.threads)+len(w.nodes)+len(w.tasks) > 0 {
			s.violate(w.id, "parts of a WfRun that does not exist")
		}
		return
	}
	s.checkGoingOn(w)
	if w.row.Deleting {
		return
	}
	s.checkNumbers(w)
	s.checkFanOuts(w)
	s.checkSweeps(w)
	s.checkRounds(w)
	g := s.specsOf(w.tenant).WfSpec(w.row.WfRun.WfSpecId)
	entry := w.threads[0]
	if g == nil || entry == nil || w.suspended {
		return
	}
	s.checkStatus(w, entry)
	s.checkForms(w)
	s.checkMigration(w, s.specsOf(w.tenant))
	for _, n := range sortedKeys(w.threads) {
		t := w.threads[n]
		if terminal(t.Status) {
			continue
		}
		a := alive{s: s, w: w, t: t, graph: g, specs: s.specsOf(w.tenant)}
		if why := a.dead(); why != "" {
			s.violate(fmt.Sprintf("%s ThreadRun %d", w.id, n), "%s at position %d cannot be woken: %s", t.Status, t.CurrentNodePosition, why)
		}
	}
}

// checkGoingOn wants a timer for what a record is to go on with: the record may be lost. A WfRun's fan-out goes on with all
// that was cut short before it; its deletion ends all else.
func (s *state) checkGoingOn(w *wfRun) {
	run := keys.In(w.tenant).RunNamed(w.id)
	awaited := func(k keys.Key) bool { return s.timers[timerName(w.tenant, keys.TimerLost, string(k))] }
	if w.row.Deleting {
		if k := run.Continue("delete"); !awaited(k) {
			s.violate(w.id, "%q: nothing goes on with it if the record is lost", k)
		}
		return
	}
	for _, k := range w.goesOn {
		if !awaited(k) && (k != run.Continue("advance") || !w.fansOut || !awaited(run.Continue("fan-out"))) {
			s.violate(w.id, "%q: nothing goes on with it if the record is lost", k)
		}
	}
}

// checkNumbers holds the count of active ThreadRuns and the list of those awake against the rows.
func (s *state) checkNumbers(w *wfRun) {
	if int(w.row.Active) != len(w.threads) {
		s.violate(w.id, "%d active ThreadRuns, rows of %d", w.row.Active, len(w.threads))
	}
	if !slices.IsSorted(w.row.Awake) {
		s.violate(w.id, "awake ThreadRuns %v", w.row.Awake)
	}
	for _, n := range w.row.Awake {
		if w.threads[n] == nil {
			s.violate(w.id, "ThreadRun %d is awake and has no row", n)
		}
	}
	if total := len(w.threads) + len(w.inactive); total != int(w.row.WfRun.GreatestThreadrunNumber)+1 {
		s.violate(w.id, "%d ThreadRuns are left of %d", total, w.row.WfRun.GreatestThreadrunNumber+1)
	}
}

// checkFanOuts holds what is kept of fan-outs against the NodeRuns that have children left to start. What stays behind
// would be in the way of others.
func (s *state) checkFanOuts(w *wfRun) {
	rests := map[int32]bool{}
	for _, at := range w.rests {
		rests[at.thread] = true
		t, n := w.threads[at.thread], w.nodes[at]
		if t == nil || terminal(t.Status) || t.CurrentNodePosition != at.position || n.GetStartMultipleThreads() == nil || len(n.GetFailures()) > 0 {
			s.violate(w.id, "a list is kept for NodeRun %d/%d, which starts no children from it", at.thread, at.position)
		}
	}
	for _, number := range sortedKeys(w.toFanOut) {
		if t := w.threads[number]; t == nil || t.Status != running || !rests[number] {
			s.violate(w.id, "ThreadRun %d is listed to go on with a fan-out and has none", number)
		}
	}
}

// checkSweeps wants a record to go on with what is left to do to those below ThreadRuns.
func (s *state) checkSweeps(w *wfRun) {
	rows := 0
	for _, n := range w.sweeps {
		rows += n
	}
	if rows != int(w.row.Sweeps) {
		s.violate(w.id, "%d sweeps, rows of %d", w.row.Sweeps, rows)
	}
	if rows > 0 && !w.fansOut {
		s.violate(w.id, "no record goes on with its sweeps")
	}
}

// checkRounds wants a record to go on with what is left to be told, and nothing queued for who will never begin it.
func (s *state) checkRounds(w *wfRun) {
	if len(w.rounds) != int(w.row.Rounds) {
		s.violate(w.id, "%d rounds, rows of %d", w.row.Rounds, len(w.rounds))
	}
	if len(w.rounds) > 0 && !w.fansOut {
		s.violate(w.id, "no record goes on with its rounds")
	}
	for at := range w.queued {
		t := w.threads[at.thread]
		if (t == nil || terminal(t.Status) || t.CurrentNodePosition != at.position) && !w.rounds[keys.QueuedSubject(at.thread)] {
			s.violate(w.id, "an interrupt is queued for ThreadRun %d at position %d and never begins", at.thread, at.position)
		}
	}
}

// checkStatus holds the WfRun against its ThreadRun 0, and a WfRun that has ended against the others.
func (s *state) checkStatus(w *wfRun, entry *lhpb.ThreadRun) {
	status := w.row.WfRun.Status
	switch {
	case terminal(entry.Status) != terminal(status), terminal(status) && entry.Status != status:
		s.violate(w.id, "WfRun %s, ThreadRun 0 %s", status, entry.Status)
	case terminal(status) && w.row.WfRun.EndTime == nil:
		s.violate(w.id, "ended without end_time")
	case !terminal(status) && w.row.WfRun.EndTime != nil:
		s.violate(w.id, "%s with end_time", status)
	}
	if !terminal(status) {
		return
	}
	if mustGo(s.specsOf(w.tenant).WfSpec(w.row.WfRun.WfSpecId)) && !s.timers[timerName(w.tenant, keys.TimerRetention, w.id)] {
		s.violate(w.id, "%s, and nothing deletes it when its retention is over", status)
	}
	for _, n := range sortedKeys(w.threads) {
		if w.threads[n].Status == running && len(w.sweeps) == 0 {
			s.violate(w.id, "%s, but ThreadRun %d runs", status, n)
		}
	}
}

// mustGo reports whether WfRuns of the WfSpec are deleted some time after they have ended, before the end of all clocks.
func mustGo(g *spec.Graph) bool {
	const centuries = 1 << 32
	policy := g.Spec.GetRetentionPolicy()
	return policy.GetWfGcPolicy() != nil && max(policy.GetSecondsAfterWfTermination(), -policy.GetSecondsAfterWfTermination()) < centuries
}

// checkForms holds open UserTaskRuns against what waits for them: a person must not work for nobody.
func (s *state) checkForms(w *wfRun) {
	for at, u := range w.forms {
		if !openForm(u) {
			continue
		}
		t, n := w.threads[at.thread], w.nodes[at]
		if t == nil || t.Status != running || t.CurrentNodePosition != at.position || n.GetStatus() != running {
			s.violate(w.id, "UserTaskRun %s is %s and no running NodeRun waits for it", u.Id.UserTaskGuid, u.Status)
		}
	}
}

func openForm(u *lhpb.UserTaskRun) bool {
	return u.Status == lhpb.UserTaskRunStatus_UNASSIGNED || u.Status == lhpb.UserTaskRunStatus_ASSIGNED
}

// alive looks for what can wake one ThreadRun.
type alive struct {
	s     *state
	w     *wfRun
	t     *lhpb.ThreadRun
	graph *spec.Graph
	specs engine.Specs
}

// dead says why nothing can wake the ThreadRun; empty if something can.
func (a alive) dead() string {
	n := a.w.nodes[nodeID{a.t.Number, a.t.CurrentNodePosition}]
	if n == nil {
		return "it has no current NodeRun"
	}
	if a.swept() || a.isTold() {
		return ""
	}
	switch a.t.Status {
	case running:
		return a.deadAt(n)
	case halting:
		return a.deadHalting(n)
	case halted:
		return a.deadHalted()
	default:
		return "status " + a.t.Status.String()
	}
}

// swept reports whether something is left to do for the ThreadRun, or for one above: it is looked at when that is done.
func (a alive) swept() bool {
	for t := a.t; t != nil; t = a.w.threads[*t.ParentThreadId] {
		if a.w.sweeps[t.Number] > 0 {
			return true
		}
		if t.ParentThreadId == nil {
			return false
		}
	}
	return false
}

// isTold reports whether the ThreadRun is among those who are still to be told of what they wait for.
func (a alive) isTold() bool {
	for subject := range a.w.rounds {
		if a.watches(subject) {
			return true
		}
	}
	return false
}

func (a alive) deadAt(n *lhpb.NodeRun) string {
	if n.Status != running {
		return "its NodeRun is " + n.Status.String()
	}
	switch k := n.NodeType.(type) {
	case *lhpb.NodeRun_Task:
		return a.deadTask(k.Task)
	case *lhpb.NodeRun_Sleep:
		return a.needTimer(keys.TimerSleep, n)
	case *lhpb.NodeRun_ExternalEvent:
		return a.deadEvent(n, k.ExternalEvent)
	case *lhpb.NodeRun_StartMultipleThreads:
		switch {
		case !a.w.fansOut:
			return "no record goes on with its fan-out"
		case !a.w.toFanOut[a.t.Number] && !a.awake():
			return "it is not among those with children left to start"
		default:
			return ""
		}
	case *lhpb.NodeRun_WaitForThreads:
		if a.w.fansOut && a.awake() {
			return "" // it has not looked at all yet
		}
		for _, e := range k.WaitForThreads.Threads {
			if a.unfinished(e.ThreadRunNumber) && e.WaitingStatus == lhpb.WaitForThreadsRun_THREAD_IN_PROGRESS && !a.watches(keys.ThreadSubject(e.ThreadRunNumber)) {
				return fmt.Sprintf("it does not watch ThreadRun %d", e.ThreadRunNumber)
			}
			if a.unfinished(e.ThreadRunNumber) || e.FailureHandlerThreadRunId != nil && a.unfinished(*e.FailureHandlerThreadRunId) {
				return ""
			}
		}
		if len(k.WaitForThreads.Threads) == 0 {
			return "" // WAIT_FOR_FIRST of nothing waits for ever, as documented
		}
		return "all it waits for has ended"
	case *lhpb.NodeRun_Exit:
		for _, child := range a.below(a.t) {
			if !haltedForGood(child) {
				return a.needWatchBelow()
			}
		}
		return "no child is left to wait for"
	case *lhpb.NodeRun_WaitForCondition:
		return a.deadCondition(n)
	case *lhpb.NodeRun_UserTask:
		return a.deadUserTask(n)
	case *lhpb.NodeRun_WaitForChildWf:
		child := a.s.runs[a.w.tenant+"\x00"+nameOf(k.WaitForChildWf.ChildWfRunId)]
		if child == nil || child.row == nil || child.row.Deleting || terminal(child.row.WfRun.Status) {
			return "the child WfRun has ended"
		}
		if !a.watches(keys.WfRunSubject(nameOf(k.WaitForChildWf.ChildWfRunId))) {
			return "it does not watch the child WfRun"
		}
		return ""
	default:
		return fmt.Sprintf("a NodeRun of %T does not wait", n.NodeType)
	}
}

// below are the ThreadRuns directly below that have not ended, handlers of failed children included.
func (a alive) below(t *lhpb.ThreadRun) (out []*lhpb.ThreadRun) {
	for _, n := range t.ChildThreadIds {
		switch c := a.w.threads[n]; {
		case c == nil:
		case terminal(c.Status):
			out = append(out, a.below(c)...)
		default:
			out = append(out, c)
		}
	}
	return out
}

// haltedForGood reports whether a ThreadRun is HALTED for more than a handler's sake.
func haltedForGood(t *lhpb.ThreadRun) bool {
	return t.Status == halted && slices.ContainsFunc(t.HaltReasons, func(r *lhpb.ThreadHaltReason) bool {
		return r.GetManualHalt() != nil || r.GetParentHalted() != nil || r.GetHaltedByParent() != nil
	})
}

// watches reports whether the ThreadRun is looked at when the subject changes.
func (a alive) watches(s keys.Subject) bool {
	position, is := a.w.watches[watch{s, a.t.Number}]
	return is && position == a.t.CurrentNodePosition || a.awake()
}

func (a alive) awake() bool {
	_, is := slices.BinarySearch(a.w.row.Awake, a.t.Number)
	return is
}

// needWatchBelow says that nothing below is watched that may still move.
func (a alive) needWatchBelow() string {
	for _, n := range sortedKeys(a.w.threads) {
		if n != a.t.Number && a.unfinished(n) && !haltedForGood(a.w.threads[n]) && a.watches(keys.ThreadSubject(n)) {
			return ""
		}
	}
	return "it watches nothing below"
}

func (a alive) unfinished(n int32) bool {
	t := a.w.threads[n]
	return t != nil && !terminal(t.Status)
}

func (a alive) deadTask(k *lhpb.TaskNodeRun) string {
	if k.TaskRunId == nil {
		return "it has no TaskRun"
	}
	task := a.w.tasks[k.TaskRunId.TaskGuid]
	switch {
	case task == nil:
		return "its TaskRun is gone"
	case task.Status == lhpb.TaskStatus_TASK_SCHEDULED, task.Status == lhpb.TaskStatus_TASK_RUNNING:
		return "" // its row of queue or timers follows from it
	case task.Status == lhpb.TaskStatus_TASK_PENDING:
		if !a.s.timers[timerName(a.w.tenant, keys.TimerTaskRetry, a.w.id+"/"+task.Id.TaskGuid)] {
			return "the timer of its retry is gone"
		}
		return ""
	default:
		return "its TaskRun is " + task.Status.String()
	}
}

func (a alive) deadUserTask(n *lhpb.NodeRun) string {
	u := a.w.forms[nodeID{n.Id.ThreadRunNumber, n.Id.Position}]
	switch {
	case u == nil:
		return "its UserTaskRun is gone"
	case !openForm(u):
		return "its UserTaskRun is " + u.Status.String()
	default:
		return ""
	}
}

func (a alive) needTimer(kind keys.TimerKind, n *lhpb.NodeRun) string {
	id := fmt.Sprintf("%s/%d/%d", a.w.id, n.Id.ThreadRunNumber, n.Id.Position)
	if !a.s.timers[timerName(a.w.tenant, kind, id)] {
		return "its timer is gone"
	}
	return ""
}

func (a alive) deadEvent(n *lhpb.NodeRun, k *lhpb.ExternalEventNodeRun) string {
	if k.TimedOut {
		return "it has timed out"
	}
	for _, e := range a.w.events {
		if e.Claimed || e.Id.ExternalEventDefId.GetName() != k.ExternalEventDefId.GetName() ||
			e.ThreadRunNumber != nil && *e.ThreadRunNumber != n.Id.ThreadRunNumber ||
			e.NodeRunPosition != nil && *e.NodeRunPosition != n.Id.Position {
			continue
		}
		return "the event " + e.Id.Guid + " is there already"
	}
	if !a.watches(keys.EventSubject(k.ExternalEventDefId.GetName())) {
		return "it does not watch its events"
	}
	return ""
}

func (a alive) deadHalting(n *lhpb.NodeRun) string {
	if k := n.GetTask(); k != nil && n.Status == halting {
		return a.deadTask(k)
	}
	for _, child := range a.below(a.t) {
		if child.Status != halted {
			return a.needWatchBelow()
		}
	}
	return "nothing keeps it from being HALTED"
}

func (a alive) deadHalted() string {
	if len(a.t.HaltReasons) == 0 {
		return "no reason is left"
	}
	if !haltedForGood(a.t) && !a.waitsForHandler() && a.w.queued[nodeID{a.t.Number, a.t.CurrentNodePosition}] {
		return "a queued interrupt could start"
	}
	if !haltedForGood(a.t) && slices.ContainsFunc(a.t.HaltReasons, func(r *lhpb.ThreadHaltReason) bool {
		return r.GetPendingFailure() != nil || r.GetPendingInterrupt() != nil
	}) {
		return "its handler could start"
	}
	for _, r := range a.t.HaltReasons {
		if why := a.deadReason(r); why != "" {
			return why
		}
	}
	return ""
}

// waitsForHandler reports whether a handler that has begun keeps the ThreadRun HALTED.
func (a alive) waitsForHandler() bool {
	return slices.ContainsFunc(a.t.HaltReasons, func(r *lhpb.ThreadHaltReason) bool {
		return r.GetInterrupted() != nil || r.GetHandlingFailure() != nil
	})
}

// leftBehind reports whether the ThreadRun stays halted in any case, and its parent is archived: nobody who goes on comes by it.
func (a alive) leftBehind() bool {
	return a.w.threads[a.t.GetParentThreadId()] == nil && slices.ContainsFunc(a.t.HaltReasons, func(r *lhpb.ThreadHaltReason) bool {
		return r.GetHaltedByParent() != nil
	})
}

// deadReason says why a reason to be halted will never go, although it should.
func (a alive) deadReason(r *lhpb.ThreadHaltReason) string {
	switch k := r.Reason.(type) {
	case *lhpb.ThreadHaltReason_ParentHalted:
		p := a.w.threads[k.ParentHalted.ParentThreadId]
		if (p == nil || p.Status == running || p.Status == completed) && !a.leftBehind() {
			return "its parent goes on"
		}
	case *lhpb.ThreadHaltReason_Interrupted:
		if !a.unfinished(k.Interrupted.InterruptThreadId) && !terminal(a.t.Status) {
			return "its interrupt has ended"
		}
	case *lhpb.ThreadHaltReason_HandlingFailure:
		if !a.unfinished(k.HandlingFailure.HandlerThreadId) {
			return "its failure handler has ended"
		}
	case *lhpb.ThreadHaltReason_PendingInterrupt:
		if !a.w.queued[nodeID{a.t.Number, a.t.CurrentNodePosition}] && !slices.ContainsFunc(a.w.row.WfRun.PendingInterrupts, func(p *lhpb.PendingInterrupt) bool {
			return p.InterruptedThreadId == a.t.Number
		}) {
			return "its interrupt is not pending"
		}
	case *lhpb.ThreadHaltReason_PendingFailure:
		if !slices.ContainsFunc(a.w.row.WfRun.PendingFailures, func(p *lhpb.PendingFailureHandler) bool {
			return p.FailedThreadRun == a.t.Number
		}) {
			return "its failure handler is not pending"
		}
	}
	return ""
}
