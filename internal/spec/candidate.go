package spec

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// DefaultTaskTimeoutSeconds is the timeout of a TASK node that names none.
const DefaultTaskTimeoutSeconds = 60

// candidate is the WfSpec that the request asks for, in the form in which it would be stored, but for what
// depends on other definitions: versions that mean the newest, and its own version.
func candidate(req *lhpb.PutWfSpecRequest, nowNs int64, f form) *lhpb.WfSpec {
	req = req.CloneVT()
	if f.hollow {
		fill(req.ProtoReflect())
	}
	w := &lhpb.WfSpec{
		Id:                   &lhpb.WfSpecId{Name: req.Name},
		CreatedAt:            timestamppb.New(time.Unix(0, nowNs)),
		ThreadSpecs:          req.ThreadSpecs,
		EntrypointThreadName: req.EntrypointThreadName,
		RetentionPolicy:      req.RetentionPolicy,
		ParentWfSpec:         req.ParentWfSpec,
	}
	for _, t := range w.ThreadSpecs {
		normalizeThread(t)
	}
	return w
}

func normalizeThread(t *lhpb.ThreadSpec) {
	for _, v := range t.VariableDefs {
		if v.VarDef == nil {
			v.VarDef = &lhpb.VariableDef{}
		}
		NormalizeVariableDef(v.VarDef)
	}
	for _, n := range t.Nodes {
		if task := n.GetTask(); task != nil {
			normalizeTask(task)
		}
		for _, a := range n.GetUserTask().GetActions() {
			if task := a.GetTask().GetTask(); task != nil {
				normalizeTask(task)
			}
		}
		walkNode(n, visitor{assignment: normalizeAssignment, mutation: normalizeMutation})
	}
}

func normalizeTask(t *lhpb.TaskNode) {
	if t.TimeoutSeconds == 0 {
		t.TimeoutSeconds = DefaultTaskTimeoutSeconds
	}
}

func normalizeAssignment(a *lhpb.VariableAssignment) {
	if a.TargetType != nil {
		a.TargetType = value.Normalize(a.TargetType)
	}
	if l, ok := a.Source.(*lhpb.VariableAssignment_LiteralValue); ok {
		l.LiteralValue = value.NormalizeValue(l.LiteralValue)
	}
	if m := a.GetMapBuilder().GetMapType(); m != nil {
		a.GetMapBuilder().MapType = value.Normalize(value.MapDef(m.KeyType, m.ValueType)).GetInlineMapDef()
	}
}

func normalizeMutation(m *lhpb.VariableMutation) {
	if l, ok := m.RhsValue.(*lhpb.VariableMutation_LiteralValue); ok {
		l.LiteralValue = value.NormalizeValue(l.LiteralValue)
	}
}

// NormalizeVariableDef brings a declaration into the form in which it is stored and returned: the type in
// type_def alone, JSON in its normal form.
func NormalizeVariableDef(d *lhpb.VariableDef) {
	d.TypeDef = value.VarType(d)
	d.Type, d.MaskedValue = nil, nil
	if d.DefaultValue != nil {
		d.DefaultValue = value.NormalizeValue(d.DefaultValue)
	}
}
