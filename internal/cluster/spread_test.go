package cluster

import (
	"errors"
	"testing"

	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// TestOutcomeIsToldOnce lets attempts end in all orders: whoever must know is told once, of the attempt that counted.
func TestOutcomeIsToldOnce(t *testing.T) {
	nothing := machine.Reply{Err: &lh.Error{Code: lh.Unavailable, Again: true}}
	unknown := machine.Reply{Err: &lh.Error{Code: lh.Unavailable}}
	done := machine.Reply{Value: &pb.Counter{Value: 1}}
	for name, c := range map[string]struct {
		attempts []machine.Reply
		late     []machine.Reply // after the caller has given up
		want     machine.Reply
	}{
		"at once":                        {attempts: []machine.Reply{done}, want: done},
		"by the next owner":              {attempts: []machine.Reply{nothing, nothing, done}, want: done},
		"nobody knows":                   {attempts: []machine.Reply{nothing, unknown}, want: unknown},
		"nowhere":                        {attempts: []machine.Reply{nothing, nothing}, want: nothing},
		"late":                           {late: []machine.Reply{done}, want: done},
		"late, and it has done nothing":  {late: []machine.Reply{nothing}, want: nothing},
		"late, after others did nothing": {attempts: []machine.Reply{nothing}, late: []machine.Reply{done}, want: done},
		"twice":                          {attempts: []machine.Reply{done}, late: []machine.Reply{done}, want: done},
	} {
		var told []machine.Reply
		h := newHearing(func(r machine.Reply) { told = append(told, r) })
		for _, r := range c.attempts {
			h.hear()(r)
		}
		late := h.tell
		if len(c.late) > 0 {
			late = h.hear()
		}
		h.end()
		for _, r := range c.late {
			late(r)
		}
		if len(told) != 1 || told[0] != c.want {
			t.Errorf("%s: told %v", name, told)
		}
	}
	silent := newHearing(nil)
	silent.tell(done)
	silent.end()
	if silent.hear() != nil {
		t.Error("nobody wants to hear of it")
	}
}

// TestWhatMayBeTriedAgain marks reads that nobody could answer, and nothing that may have been done.
//
// survives: 1 unknown
func TestWhatMayBeTriedAgain(t *testing.T) {
	gone, moved := &lh.Error{Code: lh.Unavailable}, &lh.Error{Code: lh.Unavailable, Again: true}
	if refusal := lh.AsError(rereadable(gone)); !refusal.Again || gone.Again {
		t.Errorf("%+v of %+v", refusal, gone)
	}
	if refusal := lh.AsError(rereadable(moved)); refusal != moved {
		t.Errorf("%+v of %+v", refusal, moved)
	}
	for _, err := range []error{nil, lh.Errorf(lh.NotFound, "no")} {
		if !errors.Is(rereadable(err), err) {
			t.Errorf("%v is not left as it is", err)
		}
	}
}

func TestDirectoryKnowsTheOwners(t *testing.T) {
	d := NewDirectory(2, "b")
	if m, here, _ := d.ownerOf(MetadataStream); m != nil || here {
		t.Error("somebody owns what nobody has planned")
	}
	_, _, changed := d.ownerOf(MetadataStream)
	d.Take(&pb.Plan{Members: []*pb.Member{{Incarnation: "a"}, {Incarnation: "b"}}, Owners: []int32{0, nobody, 1}})
	<-changed
	for stream, want := range map[machine.Stream]string{
		{Kind: machine.Core}: "a", {Kind: machine.Repartition}: "a", {Kind: machine.Core, Partition: 1}: "", MetadataStream: "b",
		{Kind: machine.Core, Partition: 7}: "",
	} {
		if m, here, _ := d.ownerOf(stream); m.GetIncarnation() != want || here != (want == "b") {
			t.Errorf("%s: %v, %t", stream, m, here)
		}
	}
	if d.Self().GetIncarnation() != "b" || len(d.Members()) != 2 {
		t.Error(d.Self(), d.Members())
	}
}
