package engine

import (
	"errors"
	"fmt"
	"strconv"

	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// taskOutput checks the output of a task against what its TaskDef returns.
func (t *txn) taskOutput(v *lhpb.VariableValue, def *lhpb.TaskDef, status lhpb.TaskStatus) (*lhpb.VariableValue, error) {
	if err := value.CheckJSON(v); err != nil {
		return nil, err
	}
	returns := def.GetReturnType().GetReturnType()
	if returns == nil || status != lhpb.TaskStatus_TASK_SUCCESS {
		return value.ValidateUntyped(v)
	}
	out, err := value.Validate(returns, v, t.specs)
	if err != nil {
		return nil, fmt.Errorf("Task output incompatible with declared return type: %w", err)
	}
	return out, nil
}

// eventContent checks the content of an ExternalEvent against its definition; without a type all is allowed.
func (t *txn) eventContent(v *lhpb.VariableValue, def *lhpb.ExternalEventDef) (*lhpb.VariableValue, error) {
	declared := def.GetTypeInformation().GetReturnType()
	if declared == nil {
		return value.ValidateUntyped(v)
	}
	return value.Validate(declared, v, t.specs)
}

var errNotVoid = errors.New("the ExternalEventDef declares no content")

// correlatedContent is eventContent, and an event declared without content has none.
func (t *txn) correlatedContent(v *lhpb.VariableValue, def *lhpb.ExternalEventDef) (*lhpb.VariableValue, error) {
	if info := def.GetTypeInformation(); info != nil && info.ReturnType == nil && !value.IsNull(v) {
		return nil, errNotVoid
	}
	return t.eventContent(v, def)
}

// thrownContent gives the containers in the content of a WorkflowEvent their declared types, and checks
// nothing but that it fits.
func (t *txn) thrownContent(v *lhpb.VariableValue, def string) (*lhpb.VariableValue, error) {
	if declared := t.specs.WorkflowEventDef(def).GetContentType().GetReturnType(); declared != nil {
		if typed, err := value.Validate(declared, v, t.specs); err == nil {
			v = typed
		}
	}
	return v, t.mustFit(v)
}

var errNoList = errors.New("the value is neither an ARRAY nor a JSON_ARR")

// itemsOf are the elements of an ARRAY or JSON_ARR.
func itemsOf(v *lhpb.VariableValue) ([]*lhpb.VariableValue, error) {
	items, ok := value.Items(v)
	if !ok {
		return nil, errNoList
	}
	return items, nil
}

func asInteger(v *lhpb.VariableValue) (int64, error) { return value.AsInt(v) }

func intValue(i int64) *lhpb.VariableValue { return value.Int(i) }

func stringValue(s string) *lhpb.VariableValue { return value.Str(s) }

func wfRunIDValue(id *lhpb.WfRunId) *lhpb.VariableValue { return value.WfRunID(id) }

func appendInt(b []byte, n int32) []byte { return strconv.AppendInt(b, int64(n), 10) }

// textOf is the text by which a value is indexed.
func textOf(v *lhpb.VariableValue) string { return value.Text(v) }
