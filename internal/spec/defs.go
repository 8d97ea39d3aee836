package spec

import "littlehorse/lhpb"

// NewestVersion asks Defs for the newest version of a definition, and means the same in a StructDefId or a
// RunChildWfNode of a request.
const NewestVersion = -1

// Defs is the metadata that a WfSpec may refer to, as of one moment. Absent is nil. What it returns is
// shared: it must not be changed.
type Defs interface {
	TaskDef(name string) *lhpb.TaskDef
	ExternalEventDef(name string) *lhpb.ExternalEventDef
	WorkflowEventDef(name string) *lhpb.WorkflowEventDef
	// UserTaskDef of that version; NewestVersion for the newest.
	UserTaskDef(name string, version int32) *lhpb.UserTaskDef
	// StructDef of that version; NewestVersion for the newest.
	StructDef(name string, version int32) *lhpb.StructDef
	WfSpec(id *lhpb.WfSpecId) *lhpb.WfSpec
	// LatestWfSpec is the highest revision of that major version; NewestVersion for the highest of all.
	LatestWfSpec(name string, major int32) *lhpb.WfSpec
}
