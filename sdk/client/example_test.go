package lh_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"

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
