// Command structs lets a StructDef grow a field while workers and workflows that know only its first version go on.
package main

import (
	"context"
	"errors"
	"fmt"

	"littlehorse/examples/internal/stage"
	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

// Address is inside of customers.
type Address struct {
	Street string `lh:"street"`
	City   string `lh:"city"`
}

// LHStruct is the StructDef's name.
func (Address) LHStruct() string { return "crm-address" }

// Customer is the first version of the StructDef.
type Customer struct {
	Name string  `lh:"name"`
	Card string  `lh:"card,masked"`
	Home Address `lh:"home"`
}

// LHStruct is the StructDef's name.
func (Customer) LHStruct() string { return "crm-customer" }

// LaterCustomer is the next version: it has a telephone, perhaps.
type LaterCustomer struct {
	Name  string  `lh:"name"`
	Card  string  `lh:"card,masked"`
	Home  Address `lh:"home"`
	Phone *string `lh:"phone"`
}

// LHStruct is the name of the same StructDef.
func (LaterCustomer) LHStruct() string { return "crm-customer" }

// OtherCustomer would break those who know a customer: its name is a number.
type OtherCustomer struct {
	Name int64   `lh:"name"`
	Card string  `lh:"card,masked"`
	Home Address `lh:"home"`
}

// LHStruct is the name of the same StructDef.
func (OtherCustomer) LHStruct() string { return "crm-customer" }

var move = task.New2("crm-move", func(_ context.Context, who Customer, city string) (Customer, error) {
	who.Home.City = city
	return who, nil
}, task.Params("customer", "city"))

var moving = wf.New("crm-moving", func(t *wf.Thread) {
	who := wf.Declare[Customer](t, "customer").Required()
	city := wf.Declare[string](t, "city").Required()
	from := wf.Declare[string](t, "from")
	from.Set(wf.Field[string](who, "home", "city"))
	who.Set(move.Do(t, who, city))
})

// compatible lets each side of a StructDef's evolution read what the other has written.
const compatible = lhpb.StructDefCompatibilityType_FULLY_COMPATIBLE_SCHEMA_UPDATES

var ana = Customer{Name: "Ana", Card: "4111", Home: Address{Street: "Elm Street 1", City: "Porto"}}

var play = stage.Play{
	Tasks:       []task.Task{move},
	Definitions: []lh.Definition{lh.StructDef[Customer](compatible), moving},
	Story: func(ctx context.Context, s *stage.Stage) error {
		err := moves(ctx, s, "before")
		if err != nil {
			return err
		}
		if err = s.Register(ctx, lh.StructDef[LaterCustomer](compatible)); err != nil {
			return err
		}
		err = s.Register(ctx, lh.StructDef[OtherCustomer](compatible))
		s.Say("a customer whose name is a number is refused: %t", errors.Is(err, lh.ErrInvalidArgument) || errors.Is(err, lh.ErrFailedPrecondition))
		if err := moves(ctx, s, "after"); err != nil {
			return err
		}
		// Nothing was registered with the later version yet: it can be taken back.
		later, err := s.RPC().GetStructDef(ctx, &lhpb.StructDefId{Name: Customer{}.LHStruct(), Version: -1})
		if err != nil {
			return err
		}
		_, err = s.RPC().DeleteStructDef(ctx, &lhpb.DeleteStructDefRequest{Id: later.Id})
		return err
	},
}

// moves runs the workflow and shows what becomes of the customer.
func moves(ctx context.Context, s *stage.Stage, when string) error {
	id, err := s.Run(ctx, moving.Name(), lh.Input{"customer": ana, "city": "Faro"})
	if err != nil {
		return err
	}
	end, err := s.End(ctx, id)
	if err != nil {
		return err
	}
	who, err := lh.GetVar[Customer](ctx, s.Client, id, "customer")
	if err != nil {
		return fmt.Errorf("read the customer: %w", err)
	}
	s.Say("%s (WfRun %s)\n    %s: %s lives in %s, card %s", when, id, end, who.Name, who.Home.City, who.Card)
	return nil
}

func main() { play.Main() }
