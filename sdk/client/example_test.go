package lh_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
)

func Example() {
	ctx := context.Background()
	cfg, err := lh.LoadConfig() // ~/.config/littlehorse.config if it is there, else the environment
	if err != nil {
		log.Fatal(err)
	}
	client, err := lh.Dial(ctx, cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = client.Close() }()

	id, err := client.Run(ctx, "hello", lh.Input{"name": "Ana"})
	if errors.Is(err, lh.ErrNotFound) {
		log.Fatal("register the workflow first")
	}
	run, err := client.Await(ctx, id)
	if err != nil {
		log.Fatal(err)
	}
	greeting, err := lh.GetVar[string](ctx, client, id, "greeting")
	fmt.Println(run.Status, greeting, err)
}

func ExampleLoadConfig() {
	cfg, err := lh.LoadConfig(lh.Settings(map[string]string{
		"LHC_API_HOST": "lh.example.com", "LHC_API_PORT": "443", "LHC_API_PROTOCOL": "TLS", "LHC_TENANT_ID": "bank",
		"LHC_OAUTH_CLIENT_ID": "me", "LHC_OAUTH_CLIENT_SECRET": "secret", "LHC_OAUTH_ACCESS_TOKEN_URL": "https://id.example.com/token",
	}))
	fmt.Println(cfg, err) // secrets are not shown
	// Output: lh.example.com:443 (TLS, tenant "bank") <nil>
}

func ExampleException() {
	err := fmt.Errorf("charge: %w", lh.Exception("card-declined", "limit is %d", 1000))
	var exception *lh.TaskException
	if errors.As(err, &exception) {
		fmt.Println(exception.Name, exception.Message)
	}
	// Output: card-declined limit is 1000
}

func ExampleFields() {
	type approval struct {
		Approved bool   `lh:"approved"`
		Comment  string `lh:"comment"`
	}
	fields, err := lh.Fields(approval{Approved: true, Comment: "go"})
	fmt.Println(fields["approved"].GetBool(), fields["comment"].GetStr(), err)
	// Output: true go <nil>
}

// A type of somebody else's becomes a STR here and there: in variables, tasks and structs.
func ExampleRegisterAdapter() {
	if err := lh.RegisterAdapter(netip.Addr.String, netip.ParseAddr); err != nil {
		log.Fatal(err)
	}
	value, err := lh.Value(netip.MustParseAddr("10.0.0.7"))
	fmt.Println(value.GetStr(), err)
	var back netip.Addr
	err = lh.Scan(value, &back)
	fmt.Println(back.IsPrivate(), err)
	// Output:
	// 10.0.0.7 <nil>
	// true <nil>
}

// Go values and LittleHorse values are turned into each other by their types.
func ExampleValue() {
	type line struct {
		SKU      string `json:"sku"`
		Quantity int    `json:"quantity"`
	}
	value, err := lh.Value([]line{{"lamp", 2}})
	fmt.Println(lh.Kind(value), value.GetJsonArr(), err)
	var lines []line
	err = lh.Scan(value, &lines)
	fmt.Println(lines[0].SKU, lines[0].Quantity, err)
	// Output:
	// JSON_ARR [{"sku":"lamp","quantity":2}] <nil>
	// lamp 2 <nil>
}

type address struct {
	Street string `lh:"street"`
	City   string `lh:"city"`
}

func (address) LHStruct() string { return "address" }

type person struct {
	Name string  `lh:"name"`
	SSN  string  `lh:"ssn,masked"`
	Home address `lh:"home"`
	Note *string `lh:"note"` // may be NULL
}

func (person) LHStruct() string { return "person" }

// A StructDef is registered with those inside it, which come first.
func ExampleStructDef() {
	requests, err := lh.StructDef[person](lhpb.StructDefCompatibilityType_FULLY_COMPATIBLE_SCHEMA_UPDATES).PutRequests()
	for _, r := range requests {
		fmt.Println(r.(*lhpb.PutStructDefRequest).Name)
	}
	fmt.Println(err)
	// Output:
	// address
	// person
	// <nil>
}

// The id of a run makes sure that there is one for each order, however often the call is made.
func ExampleClient_Run() {
	_ = func(ctx context.Context, client *lh.Client) error {
		id, err := client.Run(ctx, "order", lh.Input{"amount": 12.5}, lh.WithID("order-4711"))
		if errors.Is(err, lh.ErrAlreadyExists) {
			id, err = "order-4711", nil
		}
		if err != nil {
			return err
		}
		if err := client.PostEvent(ctx, id, "paid", 12.5); err != nil {
			return err
		}
		run, err := client.Await(ctx, id) // until it has ended
		if err != nil {
			return err
		}
		if run.Status == lhpb.LHStatus_ERROR {
			_, err = client.Rescue(ctx, id, 0, false) // once what was broken is mended
		}
		return err
	}
}

// For whatever has no method there is the whole API.
func ExampleClient_RPC() {
	_ = func(ctx context.Context, client *lh.Client) error {
		found, err := client.RPC().SearchWfRun(ctx, &lhpb.SearchWfRunRequest{
			WfSpecName: "order", Status: lhpb.LHStatus_ERROR.Enum(), Limit: new(int32(20)),
		})
		if err != nil {
			return err
		}
		for _, id := range found.Results {
			fmt.Println(lh.RunIDOf(id))
		}
		return nil
	}
}
