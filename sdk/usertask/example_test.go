package usertask_test

import (
	"fmt"
	"time"

	"littlehorse/sdk/usertask"
	"littlehorse/sdk/wf"
)

func ExampleDefine() {
	type Approval struct {
		Approved bool   `lh:"approved,required" label:"Approve?" help:"Is the trip justified?"`
		Comment  string `lh:"comment" label:"Comment"`
	}
	approveTrip := usertask.Define[Approval]("approve-trip")

	trip := wf.New("trip", func(t *wf.Thread) {
		approved := wf.Declare[bool](t, "approved")
		form := approveTrip.Assign(t, wf.Group("managers")).
			ReassignAfter(24*time.Hour, wf.User("ceo")).
			CancelAfter(72 * time.Hour)
		approved.Set(wf.Field[bool](form, "approved"))
	})
	if _, err := trip.Compile(); err != nil {
		fmt.Println(err)
	}
	def, _ := approveTrip.PutUserTaskDef()
	for _, f := range def.Fields {
		fmt.Println(f.Name, f.Type, f.DisplayName, f.Required)
	}
	// Output:
	// approved BOOL Approve? true
	// comment STR Comment false
}
