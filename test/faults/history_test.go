package faults

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/lhpb"
	"littlehorse/test/chain"
)

// putWaiting puts a WfSpec whose runs wait for ever: a run of it is a register that clients start, stop, resume and read.
func putWaiting(w *world) {
	if _, err := w.sites[0].client.PutExternalEventDef(w.Context(), &lhpb.PutExternalEventDefRequest{Name: "never"}); err != nil {
		w.Fatal(err)
	}
	_, err := w.sites[0].client.PutWfSpec(w.Context(), &lhpb.PutWfSpecRequest{
		Name: "waiting", EntrypointThreadName: "main", ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": {Nodes: map[string]*lhpb.Node{
			"0-entrypoint-ENTRYPOINT": {Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}, OutgoingEdges: chain.Edge("1-never-EXTERNAL_EVENT")},
			"1-never-EXTERNAL_EVENT": {
				Node:          &lhpb.Node_ExternalEvent{ExternalEvent: &lhpb.ExternalEventNode{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "never"}}},
				OutgoingEdges: chain.Edge("2-exit-EXIT"),
			},
			"2-exit-EXIT": {Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}},
		}}},
	})
	if err != nil {
		w.Fatal(err)
	}
}

// registers are the WfRuns that clients work on at present, and what was done with them.
type registers struct {
	mu      sync.Mutex
	prefix  string
	history map[string][]porcupine.Operation
}

const registersPerRound = 8

// asked is what a client does with a register.
type asked int

const (
	askRun asked = iota
	askStop
	askResume
	askGet
)

// register is what it is.
type register int

const (
	absent register = iota
	running
	halted
)

// answered is what the client was told.
type answered struct {
	code codes.Code
	is   register // by askGet
}

// registerModel says what answers are right, whatever happened meanwhile.
var registerModel = porcupine.Model{
	Init: func() any { return absent },
	Step: func(state, input, output any) (bool, any) {
		is, op, out := state.(register), input.(asked), output.(answered)
		next := op.next(is)
		switch {
		case unknown(out.code):
			return true, next
		case op == askGet && is != absent:
			return out.code == codes.OK && out.is == is, is
		case op == askRun && is != absent: // a retry is told what is there, whichever it was
			return out.code == codes.AlreadyExists || out.code == codes.OK, is
		case op != askRun && is == absent:
			return out.code == codes.NotFound, is
		default:
			return out.code == codes.OK, next
		}
	},
	DescribeOperation: func(input, output any) string {
		return fmt.Sprintf("%s → %v", [...]string{"run", "stop", "resume", "get"}[input.(asked)], output)
	},
}

// next is what the register is after the operation has counted.
func (op asked) next(is register) register {
	switch {
	case op == askRun && is == absent:
		return running
	case op == askStop && is != absent:
		return halted
	case op == askResume && is != absent:
		return running
	default:
		return is
	}
}

// unknown tells whether the operation may have counted, or may still count.
func unknown(c codes.Code) bool {
	return c == codes.Unavailable || c == codes.DeadlineExceeded || c == codes.Canceled
}

// operate does one thing after the other with some register, through one server.
func (l *load) operate(ctx context.Context, s *site, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	for ; ctx.Err() == nil; time.Sleep(breath) {
		l.turning.RLock()
		if l.registers != nil {
			l.registers.operate(ctx, l.start, s, rng)
		}
		l.turning.RUnlock()
	}
}

func (r *registers) operate(ctx context.Context, start time.Time, s *site, rng *rand.Rand) {
	id := fmt.Sprintf("%s-%d", r.prefix, rng.IntN(registersPerRound))
	op := []asked{askRun, askStop, askResume, askGet, askGet, askGet}[rng.IntN(6)]
	began := time.Since(start).Nanoseconds()
	out := s.ask(ctx, op, id)
	ended := time.Since(start).Nanoseconds()
	switch {
	case out.code == codes.ResourceExhausted:
		return // it has done nothing
	case unknown(out.code) && op == askGet:
		return // nobody was told anything
	case unknown(out.code):
		ended = math.MaxInt64
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history[id] = append(r.history[id], porcupine.Operation{ClientId: s.number, Input: op, Call: began, Output: out, Return: ended})
}

func (s *site) ask(ctx context.Context, op asked, id string) (out answered) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var err error
	switch at := (&lhpb.WfRunId{Id: id}); op {
	case askRun:
		_, err = s.client.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "waiting", Id: &id})
	case askStop:
		_, err = s.client.StopWfRun(ctx, &lhpb.StopWfRunRequest{WfRunId: at})
	case askResume:
		_, err = s.client.ResumeWfRun(ctx, &lhpb.ResumeWfRunRequest{WfRunId: at})
	case askGet:
		var run *lhpb.WfRun
		if run, err = s.client.GetWfRun(ctx, at); err == nil {
			out.is = halted
			if run.ThreadRuns[0].Status == lhpb.LHStatus_RUNNING {
				out.is = running
			}
		}
	}
	out.code = status.Code(err)
	return out
}

// turn judges the registers of the round before, and begins others. No operation is under way meanwhile.
func (l *load) turn(t *testing.T, round int) {
	l.turning.Lock()
	before := l.registers
	l.registers = &registers{prefix: fmt.Sprintf("r%d", round), history: map[string][]porcupine.Operation{}}
	l.turning.Unlock()
	if before != nil {
		before.judge(t, l)
	}
}

// judge looks for an order of what was done that explains what was told.
func (r *registers) judge(t *testing.T, l *load) {
	operations := 0
	for _, id := range slices.Sorted(maps.Keys(r.history)) {
		ops := r.history[id]
		operations += len(ops)
		switch result, _ := porcupine.CheckOperationsVerbose(registerModel, ops, 20*time.Second); result {
		case porcupine.Illegal:
			l.blame("no order explains what was told of %s:\n%s", id, tell(ops))
		case porcupine.Unknown:
			t.Logf("%s: %d operations are too many to judge", id, len(ops))
		case porcupine.Ok:
		}
	}
	t.Logf("%d operations on %d registers judged", operations, len(r.history))
}

func tell(ops []porcupine.Operation) (out string) {
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(min(1, max(-1, a.Call-b.Call))) })
	for _, op := range ops {
		out += fmt.Sprintf("  %12d to %12d client %d: %s\n", op.Call, op.Return, op.ClientId, registerModel.DescribeOperation(op.Input, op.Output))
	}
	return out
}
