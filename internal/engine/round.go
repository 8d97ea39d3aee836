package engine

import (
	"bytes"
	"iter"
	"math"
	"slices"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// What happens may concern any number of ThreadRuns: a Variable changes, an event interrupts them, they are to be migrated. A
// record tells as many as it may. For the rest it leaves a row, and a record of its own goes round them, by ascending number. If
// the same happens again meanwhile, the round goes on where it is and then begins anew, up to there: nobody is passed over
// for ever because others are told again and again.

type roundRow = row[pb.Round, *pb.Round]

// mostToTell is what a record may spend on telling ThreadRuns.
func (w *wfRun) mostToTell() int {
	return (costOfMeeting + costOfMoving) * w.tx.engine.config.FanOutChunk
}

func (w *wfRun) mayTell() bool {
	if w.share > 0 {
		return w.told < w.share
	}
	return w.told < w.mostToTell()
}

// mayMeet reports whether the record may tell the ThreadRun of that number: those that it has to do with anyway it may.
func (w *wfRun) mayMeet(number int32) bool {
	if w.mayTell() {
		return true
	}
	_, loaded := slices.BinarySearchFunc(w.loaded, number, byNumber)
	return loaded
}

// meet is the ThreadRun of that number, which is to be told something; nil if it is not active.
func (w *wfRun) meet(number int32) *threadRun {
	before := len(w.loaded)
	t := w.thread(number)
	w.told += costOfMeeting
	if len(w.loaded) > before {
		w.told += costOfMoving
	}
	return t
}

// round is what is left to be told of the subject; nil if nothing is.
func (w *wfRun) round(s keys.Subject) *pb.Round {
	if w.row.now.Rounds == 0 {
		return nil
	}
	return w.roundRow(s).now
}

func (w *wfRun) roundRow(s keys.Subject) *roundRow {
	if r := w.rounds.get(s); r != nil {
		return r
	}
	r := &roundRow{key: w.keys.Round(s)}
	if w.row.now.Rounds > 0 {
		*r = load[pb.Round](w.tx, r.key)
	}
	w.rounds.add(s, r)
	return r
}

func (w *wfRun) leaveRound(s keys.Subject, rest *pb.Round) {
	r := w.roundRow(s)
	if r.now == nil {
		w.edit()
		w.row.now.Rounds++
	}
	r.put(w.tx, rest)
	w.goesOnLater = true
}

func (w *wfRun) endRound(s keys.Subject) {
	if w.round(s) == nil {
		return
	}
	w.roundRow(s).drop(w.tx)
	w.edit()
	w.row.now.Rounds--
}

// beyondAll is above the numbers of all ThreadRuns that there are.
func (w *wfRun) beyondAll() int32 { return w.wf().GreatestThreadrunNumber + 1 }

// announce tells all that are there of the subject.
func (w *wfRun) announce(s keys.Subject) {
	if w.round(s) != nil {
		w.announceAgain(s)
		return
	}
	w.goRound(s, &pb.Round{Beyond: w.beyondAll(), Pass: int32(w.depth(w.level))})
}

// announceAgain is for a subject of which some are still to be told what was before.
func (w *wfRun) announceAgain(s keys.Subject) {
	rest := w.roundRow(s).edit(w.tx)
	rest.Again = rest.From
	rest.Beyond = w.beyondAll()
	rest.Pass = min(rest.Pass, int32(w.depth(w.level)))
	w.goesOnLater = true
}

// goRound goes on with the round as far as the record may.
func (w *wfRun) goRound(s keys.Subject, rest *pb.Round) {
	for {
		next, left := w.tellSome(s, rest)
		switch {
		case left:
			rest.From = next
			w.leaveRound(s, rest)
			return
		case rest.Again == 0:
			w.endRound(s)
			return
		}
		rest.From, rest.Beyond, rest.Again = 0, rest.Again, 0
		rest.Pass++
	}
}

// tellSome tells those that the record may. If some are left it gives the number of the first.
func (w *wfRun) tellSome(s keys.Subject, rest *pb.Round) (next int32, left bool) {
	def, isEvent := s.Event()
	switch {
	case rest.Event != nil:
		return w.interruptSome(w.externalEvent(rest.Event), rest.From, rest.Beyond)
	case s == keys.AllSubject:
		return w.seeSome(rest.From, rest.Beyond)
	case s.IsQueued():
		return 0, !w.dropQueued(s.ThreadRun())
	case isEvent:
		return w.tellOfEvents(def, rest.From, rest.Beyond)
	default:
		return w.tellWatchers(s, rest.From, rest.Beyond, 0)
	}
}

// seeAll makes records look at all ThreadRuns, also those that sleep.
func (w *wfRun) seeAll() { w.announce(keys.AllSubject) }

func (w *wfRun) seeSome(from, beyond int32) (next int32, left bool) {
	for t := range w.threadsFrom(from) {
		switch {
		case t.number >= beyond:
			return 0, false
		case !w.mayTell():
			return t.number, true
		}
		w.told += costOfMeeting + costOfMoving
	}
	return 0, false
}

// goOnTelling goes on with the rounds, each for its share of what the record may do, and gives the first pass in which one
// began. Of a WfRun that has ended only what is queued in vain is of interest.
func (w *wfRun) goOnTelling() (pass int) {
	pass = math.MaxInt
	rounds := int(w.row.now.Rounds)
	if rounds == 0 {
		return pass
	}
	share := max(costOfMeeting+costOfMoving, w.mostToTell()/rounds)
	var last keys.Subject
	for s := range w.storedRounds() {
		last = s
		r := w.roundRow(s)
		switch {
		case r.known:
			continue // what came before has dealt with it
		case w.terminated() && !s.IsQueued():
			w.endRound(s)
			continue
		}
		pass = min(pass, int(r.now.Pass))
		w.share = w.told + share
		w.goRound(s, r.now.CloneVT())
	}
	w.share = 0
	w.goOnTellingBehind(last, rounds)
	w.goesOnLater = w.goesOnLater || w.row.now.Rounds > 0
	return pass
}

// goOnTellingBehind has the next record begin behind the subject, if there were more rounds than this one has looked at:
// those that begin anew again and again keep none waiting.
func (w *wfRun) goOnTellingBehind(last keys.Subject, rounds int) {
	var next []byte
	if rounds > w.tx.engine.config.FanOutChunk {
		next = append([]byte(last), 0)
	}
	if !bytes.Equal(w.row.now.NextRound, next) {
		w.edit()
		w.row.now.NextRound = next
	}
}

// storedRounds are the subjects of rounds that earlier records have left, no more than a record may look at. They begin where
// the last such record has ended.
func (w *wfRun) storedRounds() iter.Seq[keys.Subject] {
	return func(yield func(keys.Subject) bool) {
		all, from := w.keys.Kind(keys.KindRound), w.keys.Round(keys.Subject(w.row.now.NextRound))
		left := w.tx.engine.config.FanOutChunk
		for _, part := range [...]struct{ from, to keys.Key }{{from, all.End()}, {all, from}} {
			if part.from == part.to {
				continue
			}
			for k := range machine.Scan[pb.Round](w.tx.view, part.from, part.to, left) {
				left--
				if s, err := w.keys.ParseRound(k); err == nil && !yield(s) {
					return
				}
			}
		}
	}
}

// forgetPending is for a ThreadRun that is rescued: what was to begin when it failed does not begin any more.
func (t *threadRun) forgetPending() {
	w := t.run
	interruptsIt := func(p *lhpb.PendingInterrupt) bool { return p.InterruptedThreadId == t.number }
	handlesIt := func(p *lhpb.PendingFailureHandler) bool { return p.FailedThreadRun == t.number }
	if slices.ContainsFunc(w.wf().PendingInterrupts, interruptsIt) || slices.ContainsFunc(w.wf().PendingFailures, handlesIt) {
		wf := w.edit()
		wf.PendingInterrupts = slices.DeleteFunc(wf.PendingInterrupts, interruptsIt)
		wf.PendingFailures = slices.DeleteFunc(wf.PendingFailures, handlesIt)
	}
}

// forgetQueued is for a ThreadRun that has failed: the interrupts that wait for it in rows of their own never begin.
func (t *threadRun) forgetQueued() {
	w := t.run
	for _, q := range t.newlyQueued {
		if q.now != nil {
			q.drop(w.tx)
		}
	}
	if w.row.now.Queued > 0 && !w.dropQueued(t.number) {
		w.leaveRound(keys.QueuedSubject(t.number), &pb.Round{Pass: int32(t.depth())})
	}
}

// dropQueued drops what is queued for the ThreadRun in vain, as far as the record may, and reports whether that was all.
func (w *wfRun) dropQueued(number int32) bool {
	t := w.thread(number)
	prefix := w.keys.QueuedOf(number)
	for k := range machine.Scan[lhpb.PendingInterrupt](w.tx.view, prefix, prefix.End(), maxWatches) {
		_, position, err := w.keys.ParseQueued(k)
		if err != nil {
			continue
		}
		if t != nil && !t.terminated() && position >= t.get().CurrentNodePosition {
			return true // it was rescued, and these have come since
		}
		if !w.mayTell() {
			return false
		}
		w.told += costOfMeeting
		w.tx.remove(k)
	}
	return true
}
