package api

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"

	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

const secret = "4711"

// card is a struct with a masked field, deep inside an array and a map.
func card() *lhpb.VariableValue {
	s := &lhpb.VariableValue{Value: &lhpb.VariableValue_Struct{Struct: &lhpb.Struct{Struct: &lhpb.InlineStruct{Fields: map[string]*lhpb.StructField{
		"number": {Value: text(secret), Masked: true},
		"owner":  {Value: text("Ana")},
	}}}}}
	m := &lhpb.VariableValue{Value: &lhpb.VariableValue_Map{Map: &lhpb.Map{Entries: []*lhpb.Map_Entry{{Key: text("k"), Value: s}}}}}
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Array{Array: &lhpb.Array{Items: []*lhpb.VariableValue{nil, m}}}}
}

// covers: tasks-and-events §1.5
func TestReadsHideWhatIsMasked(t *testing.T) {
	key := secret
	variable := &lhpb.Variable{Masked: true, Value: text(secret)}
	plain := &lhpb.Variable{Value: card()}
	task := &lhpb.TaskRun{
		InputVariables: []*lhpb.VarNameAndVal{{Masked: true, Value: text(secret)}, {Value: card()}},
		Attempts: []*lhpb.TaskAttempt{
			{MaskedValue: true, Result: &lhpb.TaskAttempt_Output{Output: text(secret)}},
			{Result: &lhpb.TaskAttempt_Output{Output: card()}},
			{Result: &lhpb.TaskAttempt_Exception{Exception: &lhpb.LHTaskException{Content: card()}}},
		},
	}
	node := &lhpb.NodeRun{
		Failures: []*lhpb.Failure{{Content: card()}},
		NodeType: &lhpb.NodeRun_ExternalEvent{ExternalEvent: &lhpb.ExternalEventNodeRun{CorrelationKey: &key, MaskCorrelationKey: true}},
	}
	child := &lhpb.NodeRun{NodeType: &lhpb.NodeRun_RunChildWf{RunChildWf: &lhpb.RunChildWfNodeRun{Inputs: map[string]*lhpb.VariableValue{"x": card()}}}}
	run := &lhpb.WfRun{ThreadRuns: []*lhpb.ThreadRun{{Output: card()}, {}}}
	maskVariable(variable)
	maskVariable(plain)
	maskTaskRun(task)
	maskNodeRun(node)
	maskNodeRun(child)
	maskWfRun(run)
	for _, text := range []string{
		prototext.Format(variable), prototext.Format(plain), prototext.Format(task), prototext.Format(node), prototext.Format(child), prototext.Format(run),
	} {
		if strings.Contains(text, secret) || !strings.Contains(text, value.MaskedText) {
			t.Error(text)
		}
	}
	if !strings.Contains(prototext.Format(plain), "Ana") {
		t.Error("what is not masked is hidden")
	}
}
