package engine

import (
	"fmt"
	"strconv"

	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// taskNode runs a TaskRun.
type taskNode struct{}

func (taskNode) arrive(n *nodeRun) *lhpb.Failure {
	made := &struct {
		kind      lhpb.NodeRun_Task
		run       lhpb.TaskNodeRun
		source    lhpb.TaskRunSource
		taskNode  lhpb.TaskRunSource_TaskNode
		reference lhpb.TaskNodeReference
	}{}
	made.kind.Task = &made.run
	n.edit().NodeType = &made.kind
	node := n.spec().GetTask()
	def, f := n.taskDef(node)
	if f != nil {
		return f
	}
	inputs, err := n.taskInputs(node, def)
	if err != nil {
		return fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed calculating TaskRun Input Vars: %s", err)
	}
	made.reference.NodeRunId = n.id()
	made.taskNode.TaskNode = &made.reference
	made.source.TaskRunSource = &made.taskNode
	made.source.WfSpecId = n.get().WfSpecId
	n.task = n.thread.run.schedule(taskStart{
		guid:   n.taskGuid(),
		def:    def,
		node:   node,
		inputs: inputs,
		source: &made.source,
	})
	made.run.TaskRunId = n.task.get().Id
	return nil
}

// taskGuid names the TaskRun of the NodeRun.
func (n *nodeRun) taskGuid() string {
	var room [24]byte
	b := strconv.AppendInt(room[:0], int64(n.thread.number), 10)
	return string(strconv.AppendInt(append(b, '-'), int64(n.position), 10))
}

// taskDef is what the node runs: fixed, or by a name that is only known now.
func (n *nodeRun) taskDef(node *lhpb.TaskNode) (*lhpb.TaskDef, *lhpb.Failure) {
	dynamic := node.GetDynamicTask()
	if dynamic == nil {
		def := n.tx().specs.TaskDef(node.GetTaskDefId().GetName())
		if def == nil {
			return nil, fail(lhpb.LHErrorType_TASK_ERROR, "Appears that TaskDef was deleted!")
		}
		return def, nil
	}
	name, err := n.scope().name(dynamic)
	if err != nil {
		return nil, fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed calculating dynamic task: %s", err)
	}
	def := n.tx().specs.TaskDef(name)
	if def == nil {
		return nil, fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed calculating dynamic task: No TaskDef named %s!", name)
	}
	return def, nil
}

func (n *nodeRun) taskInputs(node *lhpb.TaskNode, def *lhpb.TaskDef) (in givenInputs, err error) {
	if len(node.Variables) != len(def.InputVars) {
		return in, fmt.Errorf("TaskDef %s takes %d inputs, not %d", def.Id.GetName(), len(def.InputVars), len(node.Variables))
	}
	if len(node.Variables) == 0 {
		return in, nil
	}
	in.all = make([]*lhpb.VarNameAndVal, len(node.Variables))
	size := 0
	s := n.scope()
	for i, a := range node.Variables {
		v, err := s.taskInput(a, def.InputVars[i])
		if err != nil {
			return in, err
		}
		in.all[i] = &lhpb.VarNameAndVal{
			VarName: def.InputVars[i].Name,
			Value:   v,
			Masked:  value.VarType(def.InputVars[i]).GetMasked(),
		}
		size += in.all[i].SizeVT()
		if n.tx().liesApart(v) {
			in.apart = append(in.apart, apartInput{i, n.lender(a, v)})
		}
	}
	if size > n.tx().valueLimit() {
		return in, fmt.Errorf("the inputs together have %d bytes: %w", size, n.tx().limitError())
	}
	return in, nil
}

// sleeps: only a report or a timer can end the TaskRun.
func (taskNode) sleeps(*nodeRun) bool { return true }

func (taskNode) check(n *nodeRun) (outcome, *lhpb.Failure) {
	k := n.taskRun()
	if k == nil || !k.ended() {
		return waiting, nil
	}
	a := lastAttempt(k.get())
	if a.Status != lhpb.TaskStatus_TASK_SUCCESS {
		return waiting, taskFailure(a)
	}
	if a.GetOutput() == nil {
		return outcome{done: true, output: null}, nil
	}
	return outcome{done: true, output: a.GetOutput()}, nil
}

// taskRun is the TaskRun of a TASK; nil if none was made.
func (n *nodeRun) taskRun() *taskRun {
	if n.task == nil {
		if id := n.get().GetTask().GetTaskRunId(); id != nil {
			n.task = n.thread.run.task(id.TaskGuid)
		}
	}
	return n.task
}

// taskFailure is the failure of a TASK whose last attempt ended so.
func taskFailure(a *lhpb.TaskAttempt) *lhpb.Failure {
	switch a.Status {
	case lhpb.TaskStatus_TASK_EXCEPTION:
		e := a.GetException()
		f := &lhpb.Failure{FailureName: e.GetName(), Message: e.GetMessage(), Content: e.GetContent()}
		if f.Content == nil {
			f.Content = null
		}
		return f
	case lhpb.TaskStatus_TASK_TIMEOUT:
		return fail(lhpb.LHErrorType_TIMEOUT, "Task timed out")
	case lhpb.TaskStatus_TASK_OUTPUT_SERDE_ERROR:
		return fail(lhpb.LHErrorType_VAR_MUTATION_ERROR, "Failed serializing or deserializing Task Output")
	case lhpb.TaskStatus_TASK_INPUT_VAR_SUB_ERROR:
		return fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed calculating Task Input Variables")
	default:
		return fail(lhpb.LHErrorType_TASK_FAILURE, "Task execution failed")
	}
}

// mayHalt waits for the TaskRun to end, retries included.
func (taskNode) mayHalt(n *nodeRun) bool {
	k := n.taskRun()
	return k == nil || k.ended()
}
