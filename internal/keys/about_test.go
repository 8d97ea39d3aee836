package keys

import (
	"testing"

	"littlehorse/lhpb"
)

func TestKeysSayWhatTheyAreAbout(t *testing.T) {
	bank := In("bank")
	for _, c := range []struct {
		key  Key
		want About
	}{
		{bank.RunNamed("a_b").NodeRun(0, 1), About{SpaceRun, "bank", byte(KindNodeRun), "a_b"}},
		{bank.TaskWorkerGroup("greet"), About{SpaceObject, "bank", byte(KindTaskWorkerGroup), "greet"}},
		{bank.WfRunTag(&lhpb.WfSpecId{Name: "order"}, 1, 5, "a"), About{SpaceTag, "bank", byte(TagWfRun), "order"}},
		{bank.Tag(TagUserTaskOwner).Int(OwnerUser).Text("ann").Row(5, TagID{}), About{SpaceTag, "bank", byte(TagUserTaskOwner), ""}},
		{ScheduledTask{Tenant: "bank", TaskDef: "greet", WfRun: "z", Guid: "0-1"}.Key(), About{SpaceQueue, "bank", 0, "greet"}},
	} {
		if got, err := ParseAbout(c.key); err != nil || got != c.want {
			t.Errorf("%q: %v, %v", c.key, got, err)
		}
	}
	for _, k := range []Key{"", Timers(), bank.Output(1), "r", bank.RunNamed("a").All()} {
		if got, err := ParseAbout(k); err == nil {
			t.Errorf("%q is about %v", k, got)
		}
	}
}
