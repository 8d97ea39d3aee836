package usertask_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"littlehorse/lhpb"
	"littlehorse/sdk/usertask"
)

type approval struct {
	Approved bool    `lh:"approved,required" label:"Approve?" help:"Is the trip justified?"`
	Comment  *string `lh:"comment"`
	Budget   float64
	Days     int32  `json:"days"`
	Internal string `lh:"-"`
}

func TestFieldsOfAForm(t *testing.T) {
	got, err := usertask.Define[approval]("approve-trip", usertask.Describe("who goes")).PutUserTaskDef()
	if err != nil {
		t.Fatal(err)
	}
	help, about := "Is the trip justified?", "who goes"
	want := &lhpb.PutUserTaskDefRequest{Name: "approve-trip", Description: &about, Fields: []*lhpb.UserTaskField{
		{Name: "approved", Type: lhpb.VariableType_BOOL, DisplayName: "Approve?", Description: &help, Required: true},
		{Name: "comment", Type: lhpb.VariableType_STR, DisplayName: "comment"},
		{Name: "budget", Type: lhpb.VariableType_DOUBLE, DisplayName: "budget"},
		{Name: "days", Type: lhpb.VariableType_INT, DisplayName: "days"},
	}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoForm(t *testing.T) {
	type list struct{ Items []string }
	for name, form := range map[string]interface {
		PutUserTaskDef() (*lhpb.PutUserTaskDefRequest, error)
	}{
		"is no struct": usertask.Define[int]("a"), "has no fields": usertask.Define[struct{}]("a"),
		"texts, whole numbers": usertask.Define[list]("a"), "letters, digits": usertask.Define[approval]("a b"),
	} {
		if _, err := form.PutUserTaskDef(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not say %q", err, name)
		}
	}
}
