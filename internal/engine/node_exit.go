package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"littlehorse/internal/keys"
	"littlehorse/lhpb"
)

// exitNode ends a ThreadRun once its children have ended.
type exitNode struct{ haltable }

func (exitNode) arrive(n *nodeRun) *lhpb.Failure {
	n.edit().NodeType = &lhpb.NodeRun_Exit{Exit: &lhpb.ExitRun{}}
	return nil
}

func (exitNode) check(n *nodeRun) (outcome, *lhpb.Failure) {
	exit := n.spec().GetExit()
	if def := exit.GetFailureDef(); def != nil {
		return waiting, n.thrown(def)
	}
	unhandled, quiet := n.thread.unhandledChildren()
	switch {
	case !quiet:
		return waiting, nil
	case unhandled != "":
		return waiting, fail(lhpb.LHErrorType_CHILD_FAILURE, "Child thread (or threads) failed:%s", unhandled)
	}
	if exit.GetReturnContent() == nil {
		return finished, nil
	}
	output, err := n.scope().resolve(exit.GetReturnContent())
	if err == nil {
		err = n.thread.giveOutput(output)
	}
	if err != nil {
		return waiting, fail(lhpb.LHErrorType_VAR_ERROR, "Failed calculating threadRun output: %s", err)
	}
	return finished, nil
}

// thrown is the failure that an EXIT node is there to throw.
func (n *nodeRun) thrown(def *lhpb.FailureDef) *lhpb.Failure {
	f := &lhpb.Failure{FailureName: def.FailureName, Message: def.Message, Content: null}
	if def.Content == nil {
		return f
	}
	content, err := n.scope().resolve(def.Content)
	if err == nil {
		err = n.tx().mustFit(content)
	}
	if err != nil {
		f.Message += "\n\nWARNING: Unable to assign output content: " + err.Error()
		return f
	}
	f.Content = content
	return f
}

// sleeps: what moves below is watched.
func (exitNode) sleeps(*nodeRun) bool { return true }

// unhandledChildren lists the children that failed and were not dealt with; quiet is false while something
// below may still go on.
func (t *threadRun) unhandledChildren() (list string, quiet bool) {
	if !t.quietBelow() {
		return "", false
	}
	var b strings.Builder
	for c := range t.children() {
		if failed(c.status()) && !t.handled(c.number) {
			b.WriteString(" " + strconv.Itoa(int(c.number)))
		}
	}
	return b.String(), true
}

// quietBelow reports whether nothing below may go on any more. If something may, it is watched, and nobody asks
// about the rest before it is quiet.
func (t *threadRun) quietBelow() bool {
	if t.restless == nil && !t.node().hasNotLooked() || t.stillWatches((*threadRun).restlessOne) {
		return false
	}
	from := t.forgetRestless()
	return !t.watchRestless(from) && (from == 0 || !t.watchRestless(0))
}

// stillWatches reports whether the ThreadRun that is watched, or one below if that has ended, is still as the
// watch assumes.
func (t *threadRun) stillWatches(among func(*threadRun) *threadRun) bool {
	if t.restless == nil || t.restless.archived() {
		return false
	}
	r := among(t.restless)
	if r != nil && r != t.restless {
		from := t.forgetRestless()
		t.waitUntilStill(r, from)
	}
	return r != nil
}

// forgetRestless ends the watch of what has come to rest, and gives the number of the child from which on there
// may be more.
func (t *threadRun) forgetRestless() int32 {
	from := t.from
	if t.restless != nil {
		t.unwatch(keys.ThreadSubject(t.restless.number))
	}
	t.restless, t.from = nil, 0
	return from
}

// watchRestless finds something below that may still go on, and watches it.
func (t *threadRun) watchRestless(from int32) bool {
	for c := range t.childrenAbove(from) {
		if r := c.restlessOne(); r != nil {
			t.waitUntilStill(r, c.number)
			return true
		}
	}
	return false
}

// restlessOne is the ThreadRun itself, or one below if it has ended, that may still go on; nil if none may.
func (t *threadRun) restlessOne() *threadRun {
	if !t.atRest() {
		return t
	}
	if !t.terminated() {
		return nil
	}
	for c := range t.children() {
		if r := c.restlessOne(); r != nil {
			return r
		}
	}
	return nil
}

// atRest reports whether the ThreadRun will do nothing more by itself: it has ended, or is halted for more
// than a handler's sake.
func (t *threadRun) atRest() bool {
	if t.status() != lhpb.LHStatus_HALTED {
		return t.terminated()
	}
	return slices.ContainsFunc(t.get().HaltReasons, func(r *lhpb.ThreadHaltReason) bool {
		return isLasting(r) && !t.resolved(r)
	})
}

// giveOutput keeps what the ThreadRun returns.
func (t *threadRun) giveOutput(output *lhpb.VariableValue) error {
	tx := t.run.tx
	if n := t.get().SizeVT() + output.SizeVT(); n > tx.valueLimit() {
		return fmt.Errorf("the ThreadRun would have %d bytes: %w", n, tx.limitError())
	}
	t.edit().Output = output
	return nil
}
