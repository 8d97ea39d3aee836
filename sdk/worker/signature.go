package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
)

const (
	firstPause = 50 * time.Millisecond
	maxPause   = 5 * time.Second
)

// checkSignature compares a task's function with its TaskDef. It waits for a server that is down.
func (w *Worker) checkSignature(ctx context.Context, t task.Task) error {
	own, err := t.PutTaskDef()
	if err != nil {
		return err
	}
	def, err := w.taskDef(ctx, t.Name())
	if errors.Is(err, lh.ErrNotFound) {
		return fmt.Errorf("TaskDef %s is not registered: call Client.Register first: %w", t.Name(), err)
	}
	if err != nil {
		return fmt.Errorf("TaskDef %s: %w", t.Name(), err)
	}
	if diff := signatureDiff(own, def); diff != "" {
		return fmt.Errorf("the function of task %s does not fit its TaskDef:\n%s", t.Name(), diff)
	}
	return nil
}

func (w *Worker) taskDef(ctx context.Context, name string) (*lhpb.TaskDef, error) {
	pause := firstPause
	patience := time.Now().Add(w.definitionWait)
	for {
		def, err := w.client.RPC().GetTaskDef(ctx, &lhpb.TaskDefId{Name: name})
		again := errors.Is(err, lh.ErrUnavailable) || errors.Is(err, lh.ErrNotFound) && time.Now().Before(patience)
		if !again {
			return def, err
		}
		if !w.pause(pause) {
			return nil, err
		}
		pause = min(pause*2, maxPause)
	}
}

// signatureDiff lists what differs; names may.
func signatureDiff(own *lhpb.PutTaskDefRequest, def *lhpb.TaskDef) string {
	var lines []string
	for i := range max(len(own.InputVars), len(def.InputVars)) {
		mine, theirs := inputAt(own.InputVars, i), inputAt(def.InputVars, i)
		if !sameType(mine.GetTypeDef(), theirs.GetTypeDef()) {
			lines = append(lines, fmt.Sprintf("  input %d: the function takes %s, the TaskDef says %s", i, inputText(mine), inputText(theirs)))
		}
	}
	mine, theirs := own.GetReturnType().GetReturnType(), def.GetReturnType().GetReturnType()
	if !sameType(mine, theirs) {
		lines = append(lines, fmt.Sprintf("  result: the function returns %s, the TaskDef says %s", typeText(mine), typeText(theirs)))
	}
	return strings.Join(lines, "\n")
}

func inputAt(vars []*lhpb.VariableDef, i int) *lhpb.VariableDef {
	if i >= len(vars) {
		return nil
	}
	return vars[i]
}

func inputText(v *lhpb.VariableDef) string {
	if v == nil {
		return "nothing"
	}
	return v.Name + " " + typeText(v.TypeDef)
}

func typeText(t *lhpb.TypeDefinition) string {
	if t.GetDefinedType() == nil {
		return "nothing"
	}
	if p, ok := t.DefinedType.(*lhpb.TypeDefinition_PrimitiveType); ok {
		return p.PrimitiveType.String()
	}
	return fmt.Sprint(plainType(t))
}

func sameType(a, b *lhpb.TypeDefinition) bool { return proto.Equal(plainType(a), plainType(b)) }

// plainType leaves out what does not concern a Go function: masking, and the version of a StructDef.
func plainType(t *lhpb.TypeDefinition) *lhpb.TypeDefinition {
	if t.GetDefinedType() == nil {
		return &lhpb.TypeDefinition{}
	}
	t = proto.CloneOf(t)
	t.Masked = false
	switch x := t.DefinedType.(type) {
	case *lhpb.TypeDefinition_StructDefId:
		x.StructDefId.Version = 0
	case *lhpb.TypeDefinition_InlineArrayDef:
		x.InlineArrayDef.ArrayType = plainType(x.InlineArrayDef.ArrayType)
	case *lhpb.TypeDefinition_InlineMapDef:
		x.InlineMapDef.KeyType = plainType(x.InlineMapDef.KeyType)
		x.InlineMapDef.ValueType = plainType(x.InlineMapDef.ValueType)
	}
	return t
}
