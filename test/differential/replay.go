package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"littlehorse/lhpb"
)

// verdict is how the replay of a history ended.
type verdict struct {
	kind    string // equal, differs, or the name of the decision that makes ours act otherwise
	step    int
	steps   int
	details []string
	before  *state
	after   [2]*state // what the original and ours made of the step
}

const (
	equal   = "equal"
	differs = "differs"
)

// replayer plays a history on our server and compares each step with what the original made of it.
type replayer struct {
	server   *server
	names    names
	scrub    *scrubber
	watched  watched
	root     string
	rescued  bool
	plans    int  // migration plans put: here each has a name of its own, since a plan is never changed
	plan     int  // the one that counts on the original
	last     bool // this is the last step, for which the tolerances are counted
	patience time.Duration
	free     map[string]int // how often each tolerance was needed
	now      *state
	before   json.RawMessage              // the state of the original before this step
	structs  map[string][]*lhpb.StructDef // the versions of the history's StructDefs, as the original stores them
	// unnumbered says that a version was deleted: the original may give its number again.
	unnumbered bool
}

func newReplayer(s *server, n names, h *history, patience time.Duration, free map[string]int) *replayer {
	n.seed = h.Seed
	return &replayer{
		server: s, names: n, scrub: newScrubber(n.prefix), root: fmt.Sprintf("%s-run-%d", n.prefix, h.Seed), patience: patience, free: free,
		structs: map[string][]*lhpb.StructDef{},
	}
}

func (r *replayer) replay(ctx context.Context, h *history) *verdict {
	for i, s := range h.Steps {
		r.last = i == len(h.Steps)-1
		v := r.step(ctx, s)
		if v != nil {
			v.step, v.steps = i, len(h.Steps)
			v.before = r.now
			return v
		}
	}
	return &verdict{kind: equal, step: len(h.Steps), steps: len(h.Steps)}
}

func different(format string, args ...any) *verdict {
	return &verdict{kind: differs, details: []string{fmt.Sprintf(format, args...)}}
}

func (r *replayer) step(ctx context.Context, s step) *verdict {
	text, err := r.scrub.restore(s.Request)
	if err != nil {
		return different("request: %v", err)
	}
	if s.Call == claim {
		if v := r.claim(ctx, text, s); v != nil {
			return v
		}
	} else if s.Call == appear {
		if v := r.appear(ctx, text); v != nil {
			return v
		}
	} else if v := r.call(ctx, text, s); v != nil {
		return v
	}
	if s.State == nil {
		return nil
	}
	return r.settle(ctx, s)
}

func (r *replayer) claim(ctx context.Context, text []byte, s step) *verdict {
	var c claims
	if err := json.Unmarshal(text, &c); err != nil {
		return different("claim: %v", err)
	}
	got, err := claimed(ctx, r.server, r.scrub, c, r.root)
	if err != nil {
		return different("claim: %v", err)
	}
	return r.compareAnswers(s.Answer, encode(got))
}

func (r *replayer) call(ctx context.Context, text []byte, s step) *verdict {
	name := []byte(r.names.numbered("plan"))
	if s.Call == "PutWorkflowMigrationPlan" {
		r.plans++
		text = bytes.ReplaceAll(text, name, fmt.Appendf(nil, "%s-%d", name, r.plans))
		if s.Code == codes.OK.String() {
			r.plan = r.plans
		}
	} else if r.plan > 0 {
		text = bytes.ReplaceAll(text, name, fmt.Appendf(nil, "%s-%d", name, r.plan))
	}
	req, err := request(s.Call, text)
	if err != nil {
		return different("request: %v", err)
	}
	answer, err := r.server.call(ctx, s.Call, req)
	if code := status.Code(err).String(); code != s.Code {
		if name := decidedAnswer(s, code, r.now); name != "" {
			return &verdict{kind: name}
		}
		if name := r.decidedDefinition(s, status.Code(err)); name != "" {
			return &verdict{kind: name}
		}
		return different("answer of %s: original %s, ours %s (%v)", s.Call, s.Code, code, err)
	}
	if err != nil {
		return nil
	}
	r.watched.note(req)
	r.noteStruct(s)
	if _, rescue := req.(*lhpb.RescueThreadRunRequest); rescue {
		r.rescued = true
	}
	if s.Answer == nil || s.Call == "PutCorrelatedEvent" { // whose answer may come before the event has found anybody
		return nil
	}
	v := r.compareAnswers(s.Answer, r.oneName(comparable(r.scrub, answer)))
	if v != nil {
		if name := cmp.Or(decidedEvent(s, r.now, v.details), r.decidedEvolution(s), r.decidedNumber(s)); name != "" {
			v.kind = name
		}
	}
	return v
}

// oneName gives a plan the name that all plans of the history have on the original.
func (r *replayer) oneName(answer json.RawMessage) json.RawMessage {
	if r.plans == 0 {
		return answer
	}
	return planNumber.ReplaceAll(answer, []byte("$1"))
}

var planNumber = regexp.MustCompile(`(-plan-\d+)-\d+`)

func (r *replayer) compareAnswers(theirs, ours json.RawMessage) *verdict {
	d := r.differences(theirs, ours)
	if d == nil {
		return nil
	}
	return &verdict{kind: differs, details: d}
}

// differences compares two texts after all tolerances and counts those that were needed.
func (r *replayer) differences(theirs, ours json.RawMessage) []string {
	if string(theirs) == string(ours) {
		return nil
	}
	d := compareTexts(theirs, ours, r.rescued, "")
	if d != nil || !r.last {
		return d
	}
	if compareTexts(theirs, ours, r.rescued, everyRule) == nil {
		return nil
	}
	for _, t := range tolerances {
		if compareTexts(theirs, ours, r.rescued, t.name) != nil {
			r.free[t.name]++
		}
	}
	return nil
}

// settle waits until ours is in the state that the original was in.
func (r *replayer) settle(ctx context.Context, s step) *verdict {
	time.Sleep(time.Duration(s.Wait) * time.Millisecond)
	var found []string
	var last *state
	pause := 10 * time.Millisecond
	for deadline := time.Now().Add(r.patience); ; time.Sleep(pause) {
		pause = min(2*pause, 400*time.Millisecond)
		x, err := r.server.read(ctx, r.watched)
		if ctx.Err() != nil {
			return different("%v", ctx.Err())
		}
		if err == nil {
			trial := r.scrub.clone()
			ours := r.oneName(encode(trial.value("", x.json())))
			found = r.differences(s.State, ours)
			last = x
			if found == nil {
				r.scrub, r.now, r.before = trial, x, s.State
				return nil
			}
		} else {
			found = []string{"reading ours: " + err.Error()}
			if c := status.Code(err); c != codes.Unavailable && c != codes.DeadlineExceeded {
				return &verdict{kind: differs, details: found}
			}
		}
		if time.Now().After(deadline) {
			break
		}
	}
	theirs, err := decode(s.State)
	if err != nil {
		return different("the recorded state: %v", err)
	}
	if s.Call == "ReportTask" && r.before != nil {
		if before, err := decode(r.before); err == nil && theirs.standsAs(before) {
			return &verdict{kind: "the original was read before it had applied a report", details: found}
		}
	}
	v := &verdict{kind: differs, details: found, after: [2]*state{theirs, last}}
	if last != nil {
		if name := decidedOtherwise(theirs, last, r.rescued); name != "" {
			v.kind = name
		} else if sleptInThePast(r.now, theirs, last) {
			v.kind = "decided: a SLEEP until a moment that has passed is over at once"
		} else if passedAnew(r.now, last, found) {
			v.kind = "decided: a child WfRun that ends as it begins does not step its parent's threads out of turn"
		}
	}
	return v
}

// request in short, for people.
func (s step) String() string {
	if s.Call == "PutWfSpec" {
		var p lhpb.PutWfSpecRequest
		if protojson.Unmarshal(s.Request, &p) == nil {
			return "PutWfSpec " + p.Name
		}
	}
	return strings.TrimSpace(s.Call + " " + string(s.Request) + " " + s.Code)
}
