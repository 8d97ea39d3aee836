package catalog

import (
	"fmt"
	"slices"

	"littlehorse/internal/keys"
)

// describe names a definition to a user.
func describe(d keys.Definition) string {
	switch d.Kind {
	case keys.KindWfSpec:
		return fmt.Sprintf("WfSpec %s %d.%d", d.Name, d.Major, d.Revision)
	case keys.KindStructDef:
		return fmt.Sprintf("StructDef %s version %d", d.Name, d.Major)
	case keys.KindTaskDef:
		return "TaskDef " + d.Name
	case keys.KindExternalEventDef:
		return "ExternalEventDef " + d.Name
	case keys.KindWorkflowEventDef:
		return "WorkflowEventDef " + d.Name
	case keys.KindWorkflowMigrationPlan:
		return "WorkflowMigrationPlan " + d.Name
	default:
		return d.Name
	}
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func unionOfKeys[V any](a, b map[string]V) []string {
	return slices.Compact(slices.Sorted(slices.Values(append(sortedKeys(a), sortedKeys(b)...))))
}
