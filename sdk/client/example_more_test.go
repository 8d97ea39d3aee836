package lh_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"reflect"
	"time"

	"google.golang.org/grpc/codes"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
)

// Where settings come from: a file, the environment, or the program.
func ExampleSource() {
	for _, from := range []lh.Source{lh.File("/no/such/file"), lh.Environment(), lh.Settings(map[string]string{"LHC_API_PORT": "x"})} {
		if _, err := lh.LoadConfig(from); err != nil {
			fmt.Println(err)
		}
	}
	_ = lh.DefaultFile() // which LoadConfig reads when it is there
}

// A person signs in once: the token is kept for programs.
func ExampleConfig_Login() {
	cfg := lh.DefaultConfig()
	cfg.TLS, cfg.OAuthClientID, cfg.OAuthServerURL = true, "lhctl", "https://id.example.com"
	fmt.Println(cfg.Address(), cfg.ByLogin(), cfg.Validate())
	_ = func(ctx context.Context) error {
		return cfg.Login(ctx, func(address string) { fmt.Println("open", address) })
	}
	// Output: localhost:2023 true <nil>
}

// Definitions are put in the order in which they need each other, and again without harm.
func ExampleClient_Register() {
	_ = func(ctx context.Context, client *lh.Client, definitions ...lh.Definition) error {
		return client.Register(ctx, definitions...)
	}
}

// An operator's hand: halt a run, let it go on, and look at it.
func ExampleClient_Stop() {
	_ = func(ctx context.Context, client *lh.Client, id lh.RunID) error {
		if err := client.Stop(ctx, id, 0); err != nil {
			return err
		}
		run, err := client.WfRun(ctx, id)
		if err != nil || lh.Ended(run.Status) {
			return err
		}
		return client.Resume(ctx, id, 0)
	}
}

// Errors tell what the server says, and are told apart by what they are.
func ExampleError() {
	refusals := []error{
		lh.ErrNotFound, lh.ErrAlreadyExists, lh.ErrInvalidArgument, lh.ErrFailedPrecondition, lh.ErrPermissionDenied,
		lh.ErrUnauthenticated, lh.ErrResourceExhausted, lh.ErrUnavailable, lh.ErrUnimplemented, lh.ErrInternal,
	}
	_ = func(ctx context.Context, client *lh.Client) {
		_, err := client.Run(ctx, "order", nil)
		var refused *lh.Error
		if errors.As(err, &refused) {
			fmt.Println(refused.Code() == codes.NotFound, refused.Message())
		}
		for _, kind := range refusals {
			fmt.Println(kind, errors.Is(err, kind))
		}
	}
}

// An id of a child names its parents.
func ExampleRunID() {
	id := lh.RunID("order-4711_shipment")
	fmt.Println(id.Parent(), id.Proto().GetId(), lh.RunIDOf(id.Proto()) == id, len(lh.NewRunID()))
	// Output: order-4711 shipment true 32
}

// Versions and parents of a run are chosen when it starts.
func ExampleRunOption() {
	_ = func(ctx context.Context, client *lh.Client, parent lh.RunID) error {
		for _, choice := range []lh.RunOption{lh.WithMajorVersion(2), lh.WithVersion(2, 1), lh.WithParent(parent)} {
			if _, err := client.Run(ctx, "shipment", nil, choice); err != nil {
				return err
			}
		}
		return nil
	}
}

// Everything that is found, page by page behind the scenes.
func ExampleAll() {
	_ = func(ctx context.Context, client *lh.Client) error {
		failed := &lhpb.SearchWfRunRequest{WfSpecName: "order", Status: lhpb.LHStatus_ERROR.Enum()}
		for id, err := range lh.All(ctx, client.RPC().SearchWfRun, failed) {
			if err != nil {
				return err
			}
			if _, err := client.Rescue(ctx, lh.RunIDOf(id), 0, false); err != nil {
				return err
			}
		}
		return nil
	}
}

// A payment is posted under the number of its invoice, and whoever waits for the thanks gets them.
func ExampleAwaitEvent() {
	_ = func(ctx context.Context, client *lh.Client, invoice lh.RunID) error {
		err := client.PostCorrelated(ctx, "invoice-17", "payment", 12.5)
		if err != nil && !errors.Is(err, lh.ErrAlreadyExists) {
			return err
		}
		thanks, err := lh.AwaitEvent[string](ctx, client, invoice, "thanks")
		fmt.Println(thanks)
		return err
	}
}

// Every night at two, until it is not wanted any more.
func ExampleClient_Schedule() {
	_ = func(ctx context.Context, client *lh.Client) error {
		id, err := client.Schedule(ctx, "0 2 * * *", "report", lh.Input{"of": "yesterday"}, lh.WithID("nightly"))
		if err != nil {
			return err
		}
		return client.Unschedule(ctx, id)
	}
}

// What a user's tool does with a user task.
func ExampleClient_CompleteUserTask() {
	_ = func(ctx context.Context, client *lh.Client, form *lhpb.UserTaskRunId, wanted bool) error {
		if !wanted {
			return client.CancelUserTask(ctx, form)
		}
		if err := client.AssignUserTask(ctx, form, "ana", "managers"); err != nil {
			return err
		}
		return client.CompleteUserTask(ctx, form, "ana", map[string]any{"approved": true})
	}
}

// Services beside the official one are called on the same connection; one server of a cluster by its address.
func ExampleClient_At() {
	_ = func(client *lh.Client) (lhpb.LittleHorseClient, error) {
		fmt.Println(client.Config().TenantID, client.Conn() != nil)
		return client.At("server-1", 2023)
	}
}

// The content of an exception is for its handler.
func ExampleExceptionWith() {
	err := lh.ExceptionWith("card-declined", lh.Input{"limit": 1000}, "limit is %d", 1000)
	fmt.Println(err)
	// Output: card-declined: limit is 1000
}

// Arrays and Maps are typed; slices, maps and structs are JSON; a pointer may be NULL.
func ExampleTypeOf() {
	for _, v := range []any{lh.Array[int64]{1}, lh.Map[string, float64]{"a": 1}, []int64{1}, time.Time{}, new(string), person{}} {
		t, err := lh.TypeOf(reflect.TypeOf(v))
		if err != nil {
			log.Fatal(err)
		}
		switch {
		case t.GetInlineArrayDef() != nil:
			fmt.Println("Array of", t.GetInlineArrayDef().GetArrayType().GetPrimitiveType())
		case t.GetInlineMapDef() != nil:
			fmt.Println("Map of", t.GetInlineMapDef().GetValueType().GetPrimitiveType())
		case t.GetStructDefId() != nil:
			fmt.Println("Struct", t.GetStructDefId().GetName())
		default:
			fmt.Println(t.GetPrimitiveType())
		}
	}
	// Output:
	// Array of INT
	// Map of DOUBLE
	// JSON_ARR
	// TIMESTAMP
	// STR
	// Struct person
}

// A value as JSON would hold it, for programs that do not know its type.
func ExamplePlain() {
	value, err := lh.Value(map[string]any{"lamps": 2})
	if err != nil {
		log.Fatal(err)
	}
	plain, err := lh.Plain(value)
	fmt.Println(plain, err)
	// Output: map[lamps:2] <nil>
}

// The fields of a struct and their tags, for other packages that make something of structs.
func ExampleFieldsOf() {
	for _, f := range lh.FieldsOf(reflect.TypeFor[person]()) {
		fmt.Println(f.Name, f.Has("masked"))
	}
	// Output:
	// name false
	// ssn true
	// home false
	// note false
}

// A struct alone, and whether a name may be one.
func ExampleStructDefOf() {
	var s lh.Struct = address{}
	def, err := lh.StructDefOf(s)
	fmt.Println(def.Name, len(def.StructDef.Fields), lh.ValidName(def.Name), err)
	// Output: address 2 true <nil>
}
