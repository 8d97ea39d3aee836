package keys

// About is what a row is about, as far as the front of its key tells.
type About struct {
	Space  Space
	Tenant string
	// Kind is a RunKind, an ObjectKind or a TagKind; 0 in the queue.
	Kind byte
	// Name is the WfRun, the id of an object, the text that an index lists first, or the TaskDef of a queue.
	Name string
}

// ParseAbout reads what a row is about: of a WfRun, an object, a queue, or an index that lists a text first.
func ParseAbout(k Key) (About, error) {
	p := &reader{rest: string(k)}
	a := About{Space: Space(p.byte())}
	switch a.Space {
	case SpaceRun:
		a.Tenant, a.Name, a.Kind = p.text(), p.text(), p.byte()
	case SpaceObject:
		a.Tenant, a.Kind = p.text(), p.byte()
		a.Name = p.text()
	case SpaceTag:
		a.Tenant, a.Kind = p.text(), p.byte()
		if kind := TagKind(a.Kind); kind != TagUserTaskOwner && kind != TagBulkJob {
			a.Name = p.text()
		}
	case SpaceQueue:
		a.Tenant, a.Name = p.text(), p.text()
	case SpaceTimer, SpaceCount, SpaceOutput, SpaceLane:
		p.fail("key: it is about nothing that has a name")
	default:
		p.fail("key")
	}
	return a, p.err
}
