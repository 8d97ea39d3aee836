package engine

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"littlehorse/lhpb"
)

// fill sets every field of the message, down to that depth; of a oneof the last.
func fill(m protoreflect.Message, depth int) {
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		switch {
		case f.IsMap():
		case f.IsList():
			l := m.Mutable(f).List()
			if f.Message() == nil {
				l.Append(scalar(f))
				continue
			}
			for range 2 {
				e := l.NewElement()
				if depth > 0 {
					fill(e.Message(), depth-1)
				}
				l.Append(e)
			}
		case f.Message() != nil:
			if depth > 0 {
				fill(m.Mutable(f).Message(), depth-1)
			} else {
				m.Mutable(f)
			}
		default:
			m.Set(f, scalar(f))
		}
	}
}

func scalar(f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString("s")
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(7)
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(7)
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(1)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte{7})
	default:
		return f.Default()
	}
}

// TestCopiesHaveEverything holds copies against all fields that there are, and what is written to against the original.
func TestCopiesHaveEverything(t *testing.T) {
	task, node, thread := &lhpb.TaskRun{}, &lhpb.NodeRun{}, &lhpb.ThreadRun{}
	for _, m := range []proto.Message{task, node, thread} {
		fill(m.ProtoReflect(), 3)
	}
	node.NodeType = &lhpb.NodeRun_Task{Task: &lhpb.TaskNodeRun{TaskRunId: task.Id}}
	failed := node.CloneVT()
	node.Failures = nil
	wasTask, wasNode, wasFailed, wasThread := task.CloneVT(), node.CloneVT(), failed.CloneVT(), thread.CloneVT()

	k, n, f, th := copyOf(task), copyOf(node), copyOf(failed), copyOf(thread)
	if !proto.Equal(k, task) || !proto.Equal(n, node) || !proto.Equal(f, failed) || !proto.Equal(th, thread) {
		t.Error("a copy lacks something")
	}
	last := k.Attempts[len(k.Attempts)-1]
	last.Status, last.EndTime, last.Result = lhpb.TaskStatus_TASK_TIMEOUT, nil, nil
	k.Status, k.TotalCheckpoints, k.Attempts = 0, 99, append(k.Attempts, &lhpb.TaskAttempt{})
	n.Status, n.EndTime, n.FailureHandlerIds = 0, nil, append(n.FailureHandlerIds, 99)
	n.Failures = append(n.Failures, &lhpb.Failure{})
	f.Failures[0] = &lhpb.Failure{}
	th.Status, th.CurrentNodePosition = 0, 99
	th.ChildThreadIds[0], th.HandledFailedChildren[0], th.HaltReasons[0] = 99, 99, nil
	if !proto.Equal(task, wasTask) || !proto.Equal(node, wasNode) || !proto.Equal(failed, wasFailed) || !proto.Equal(thread, wasThread) {
		t.Error("what was written to a copy shows in the original")
	}
}
