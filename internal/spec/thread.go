package spec

import (
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

func (t *thread) valid() *problem {
	if p := t.oneEntrypoint(); p != nil {
		return p
	}
	for _, n := range t.nodes() {
		if p := n.valid(); p != nil {
			return p.within("Node %s", n.name)
		}
	}
	if p := t.interrupts(); p != nil {
		return p
	}
	return t.exitsAgree()
}

func (t *thread) oneEntrypoint() *problem {
	count := 0
	for _, n := range t.spec.GetNodes() {
		if n.GetEntrypoint() != nil {
			count++
		}
	}
	switch {
	case count == 0:
		return problemf("missing ENTRYPOINT node!")
	case count > 1:
		return problemf("Multiple ENTRYPOINT nodes!")
	}
	return nil
}

// output is what a thread returns.
type output struct {
	void bool
	typ  value.Type // unknown if it shows only at run time
}

// sameAs treats what is not known as the same as any type.
func (o output) sameAs(p output) bool {
	if o.void || p.void {
		return o.void == p.void
	}
	return o.typ.IsUnknown() || p.typ.IsUnknown() || o.typ.Equal(p.typ)
}

// output is that of the first EXIT node without a failure whose type is known; none returns: void.
func (t *thread) output() output {
	out := output{void: true}
	for _, n := range t.nodes() {
		exit := n.spec.GetExit()
		if exit == nil || exit.GetFailureDef() != nil {
			continue
		}
		if out.void || out.typ.IsUnknown() {
			out = n.exitOutput(exit)
		}
	}
	return out
}

func (t *thread) exitsAgree() *problem {
	agreed := t.output()
	for _, n := range t.nodes() {
		exit := n.spec.GetExit()
		if exit == nil || exit.GetFailureDef() != nil {
			continue
		}
		switch out := n.exitOutput(exit); {
		case out.void != agreed.void:
			return problemf("Detected an EXIT node that returns void and another EXIT node that returns non-void")
		case !out.sameAs(agreed):
			return problemf("Detected that different EXIT nodes returned different output types!")
		}
	}
	return nil
}

// exitOutput is unknown where the type cannot be told, also because a definition is gone by now.
func (n node) exitOutput(exit *lhpb.ExitNode) output {
	content := exit.GetReturnContent()
	if content == nil {
		return output{void: true}
	}
	typ, p := n.typeOf(content)
	if p != nil {
		typ = value.Type{}
	}
	return output{typ: typ}
}
