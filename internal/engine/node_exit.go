package engine

import (
	"fmt"
	"slices"

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
