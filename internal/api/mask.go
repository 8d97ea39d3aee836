package api

import (
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// The functions of this file change messages that were decoded for the reply alone. They hide what the
// definitions declare as masked: of reads only, never of what workers get.

func masked() *lhpb.VariableValue { return value.Str(value.MaskedText) }

// seen is a value as readers may see it when its type is not masked as a whole.
func seen(v *lhpb.VariableValue) *lhpb.VariableValue { return value.Masked(v, nil) }

func maskWfRun(w *lhpb.WfRun) {
	for _, t := range w.ThreadRuns {
		maskThreadRun(t)
	}
}

func maskThreadRun(t *lhpb.ThreadRun) {
	if t != nil {
		t.Output = seen(t.Output)
	}
}

func maskVariable(v *lhpb.Variable) {
	if v.Masked {
		v.Value = masked()
		return
	}
	v.Value = seen(v.Value)
}

func maskNodeRun(n *lhpb.NodeRun) {
	for _, f := range n.Failures {
		f.Content = seen(f.Content)
	}
	switch k := n.NodeType.(type) {
	case *lhpb.NodeRun_ExternalEvent:
		if e := k.ExternalEvent; e.GetMaskCorrelationKey() && e.CorrelationKey != nil {
			hidden := value.MaskedText
			e.CorrelationKey = &hidden
		}
	case *lhpb.NodeRun_RunChildWf:
		for name, v := range k.RunChildWf.GetInputs() {
			k.RunChildWf.Inputs[name] = seen(v)
		}
	}
}

func maskTaskRun(t *lhpb.TaskRun) {
	for _, in := range t.InputVariables {
		if in.Masked {
			in.Value = masked()
			continue
		}
		in.Value = seen(in.Value)
	}
	for _, a := range t.Attempts {
		maskAttempt(a)
	}
}

func maskUserTaskRun(u *lhpb.UserTaskRun) {
	maskResults(u.Results)
	for _, e := range u.Events {
		maskResults(e.GetSaved().GetResults())
	}
}

func maskResults(results map[string]*lhpb.VariableValue) {
	for name, v := range results {
		results[name] = seen(v)
	}
}

func maskAttempt(a *lhpb.TaskAttempt) {
	switch k := a.Result.(type) {
	case *lhpb.TaskAttempt_Output:
		if a.MaskedValue {
			k.Output = masked()
			return
		}
		k.Output = seen(k.Output)
	case *lhpb.TaskAttempt_Exception:
		if k.Exception != nil {
			k.Exception.Content = seen(k.Exception.Content)
		}
	}
}
