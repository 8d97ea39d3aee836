package engine

import (
	"strconv"
	"strings"

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

// unhandledChildren lists the children that failed and were not dealt with; quiet is false while something
// below may still go on.
func (t *threadRun) unhandledChildren() (list string, quiet bool) {
	for _, c := range t.below() {
		if !c.atRest() {
			return "", false
		}
	}
	var b strings.Builder
	for _, c := range t.children() {
		if failed(c.status()) && !t.handled(c.number) {
			b.WriteString(" " + strconv.Itoa(int(c.number)))
		}
	}
	return b.String(), true
}

// atRest reports whether the ThreadRun will do nothing more by itself: it has ended, or is halted for more
// than a handler's sake.
func (t *threadRun) atRest() bool {
	return t.terminated() || t.status() == lhpb.LHStatus_HALTED && t.haltedForGood()
}

// giveOutput keeps what the ThreadRun returns.
func (t *threadRun) giveOutput(output *lhpb.VariableValue) error {
	if err := t.run.tx.mustFit(output); err != nil {
		return err
	}
	t.edit().Output = output
	return nil
}
