package api

import (
	"littlehorse/lhpb"
)

// Mask is what a masked value reads as.
const Mask = "*****"

// The functions of this file change messages that were decoded for the reply alone. They hide what the
// definitions declare as masked: of reads only, never of what workers get.

func masked() *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: Mask}}
}

func maskWfRun(w *lhpb.WfRun) {
	for _, t := range w.ThreadRuns {
		maskThreadRun(t)
	}
}

func maskThreadRun(t *lhpb.ThreadRun) { maskValue(t.GetOutput()) }

func maskVariable(v *lhpb.Variable) {
	if v.Masked {
		v.Value = masked()
		return
	}
	maskValue(v.Value)
}

func maskNodeRun(n *lhpb.NodeRun) {
	for _, f := range n.Failures {
		maskValue(f.Content)
	}
	switch k := n.NodeType.(type) {
	case *lhpb.NodeRun_ExternalEvent:
		if e := k.ExternalEvent; e.GetMaskCorrelationKey() && e.CorrelationKey != nil {
			hidden := Mask
			e.CorrelationKey = &hidden
		}
	case *lhpb.NodeRun_RunChildWf:
		for _, v := range k.RunChildWf.GetInputs() {
			maskValue(v)
		}
	}
}

func maskTaskRun(t *lhpb.TaskRun) {
	for _, in := range t.InputVariables {
		if in.Masked {
			in.Value = masked()
			continue
		}
		maskValue(in.Value)
	}
	for _, a := range t.Attempts {
		maskAttempt(a)
	}
}

func maskAttempt(a *lhpb.TaskAttempt) {
	switch k := a.Result.(type) {
	case *lhpb.TaskAttempt_Output:
		if a.MaskedValue {
			k.Output = masked()
			return
		}
		maskValue(k.Output)
	case *lhpb.TaskAttempt_Exception:
		maskValue(k.Exception.GetContent())
	}
}

// maskValue hides the masked fields of structs, at any depth.
func maskValue(v *lhpb.VariableValue) {
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Struct:
		for _, f := range k.Struct.GetStruct().GetFields() {
			if f.GetMasked() {
				f.Value = masked()
				continue
			}
			maskValue(f.GetValue())
		}
	case *lhpb.VariableValue_Array:
		for _, item := range k.Array.GetItems() {
			maskValue(item)
		}
	case *lhpb.VariableValue_Map:
		for _, e := range k.Map.GetEntries() {
			maskValue(e.GetKey())
			maskValue(e.GetValue())
		}
	}
}
