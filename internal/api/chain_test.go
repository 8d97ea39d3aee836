package api

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/lhpb"
)

func wantStatus(t *testing.T, err error, code codes.Code, words ...string) {
	t.Helper()
	if status.Code(err) != code {
		t.Errorf("got %v, want %s", err, code)
		return
	}
	for _, w := range words {
		if !strings.Contains(status.Convert(err).Message(), w) {
			t.Errorf("%v does not say %q", err, w)
		}
	}
}

// covers: api §1
func TestTenantOfACall(t *testing.T) {
	f := newFace(t)
	cases := []struct {
		name string
		md   []string
		want codes.Code
	}{
		{"none is the default", nil, codes.OK},
		{"known", []string{"bank"}, codes.OK},
		{"spaces around it", []string{"  bank "}, codes.OK},
		{"the default by name", []string{"default"}, codes.OK},
		{"unknown", []string{"nobody"}, codes.PermissionDenied},
		{"blank", []string{"  "}, codes.PermissionDenied},
		{"twice, the last counts", []string{"nobody", "bank"}, codes.OK},
		{"twice, the last is unknown", []string{"bank", "nobody"}, codes.PermissionDenied},
		{"twice the same", []string{"bank", "bank"}, codes.OK},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx := t.Context()
			for _, v := range c.md {
				ctx = metadata.AppendToOutgoingContext(ctx, "tenantid", v)
			}
			_, err := f.client.Whoami(ctx, &emptypb.Empty{})
			wantStatus(t, err, c.want)
			if c.want != codes.OK && status.Convert(err).Message() != "Tenant not allowed" {
				t.Error(err)
			}
		})
	}
}

func TestEveryRPCHasAPermission(t *testing.T) {
	declared := map[string]bool{}
	for _, service := range services {
		for _, m := range service.Methods {
			declared[m.MethodName] = true
			requiredFor(m.MethodName)
		}
		for _, m := range service.Streams {
			declared[m.StreamName] = true
			requiredFor(m.StreamName)
		}
	}
	for name := range required {
		if !declared[name] {
			t.Errorf("%s is no RPC", name)
		}
	}
}

// Nothing but call.go knows what a client says beside its request: tenant and Principal are found in one place.
func TestOnePlaceReadsMetadata(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if file != "call.go" && !strings.HasSuffix(file, "_test.go") && strings.Contains(string(text), `grpc/metadata"`) {
			t.Errorf("%s reads metadata", file)
		}
	}
}

// covers: operations §1
func TestShutdownGate(t *testing.T) {
	f := newFace(t)
	waiting := make(chan error, 1)
	go func() {
		_, err := f.client.AwaitWorkflowEvent(context.Background(), &lhpb.AwaitWorkflowEventRequest{WfRunId: &lhpb.WfRunId{Id: "w"}})
		waiting <- err
	}()
	for f.events.count.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	f.Shut()
	wantStatus(t, <-waiting, codes.Unavailable, "shutting down")
	_, err := f.client.Whoami(t.Context(), &emptypb.Empty{})
	wantStatus(t, err, codes.Unavailable, "Server is shutting down, no new requests are being accepted")
}

func TestRefusalsBecomeStatuses(t *testing.T) {
	f := newFace(t)
	run := &lhpb.StopWfRunRequest{WfRunId: &lhpb.WfRunId{Id: "w"}}
	f.cluster.answer = func(machine.Stream, *machine.Record) (proto.Message, error) {
		return nil, &lh.Error{Code: lh.ResourceExhausted, Message: "busy", RetryAfter: 250 * time.Millisecond}
	}
	_, err := f.client.StopWfRun(t.Context(), run)
	wantStatus(t, err, codes.ResourceExhausted, "busy")
	details := status.Convert(err).Details()
	if len(details) != 1 || details[0].(*errdetails.RetryInfo).RetryDelay.AsDuration() != 250*time.Millisecond {
		t.Errorf("details %v", details)
	}
	f.cluster.answer = func(machine.Stream, *machine.Record) (proto.Message, error) { panic("boom") }
	_, err = f.client.StopWfRun(t.Context(), run)
	wantStatus(t, err, codes.Internal)
	if !strings.Contains(f.log.String(), "StopWfRun") || strings.Contains(f.log.String()+err.Error(), "boom") {
		t.Errorf("log %s, client %v", f.log, err)
	}
	_, err = f.client.GetWfSpecMetricsWindow(t.Context(), &lhpb.WfSpecMetricsQueryRequest{})
	wantStatus(t, err, codes.Unimplemented, "GetWfSpecMetricsWindow")
}

// covers: api §1
// TestCrowdedIsSaidFirst: when nothing new is begun anywhere, a request to begin something is not even decoded, and what
// goes on is served.
func TestCrowdedIsSaidFirst(t *testing.T) {
	f := newFace(t)
	crowded := &lh.Error{Code: lh.ResourceExhausted, Message: "busy", RetryAfter: time.Second}
	f.cfg.Crowded = func() *lh.Error { return crowded }
	nonsense := &lhpb.RunWfRequest{}
	if _, err := f.client.RunWf(t.Context(), nonsense); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("RunWf: %v", err)
	}
	if _, err := f.client.PutExternalEvent(t.Context(), &lhpb.PutExternalEventRequest{}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("PutExternalEvent: %v", err)
	}
	if _, err := f.client.ReportTask(t.Context(), &lhpb.ReportTaskRun{}); status.Code(err) == codes.ResourceExhausted {
		t.Errorf("ReportTask: %v", err)
	}
	crowded = nil
	if _, err := f.client.RunWf(t.Context(), nonsense); status.Code(err) == codes.ResourceExhausted {
		t.Errorf("RunWf afterwards: %v", err)
	}
}

func TestOversizedRequests(t *testing.T) {
	f := newFace(t)
	f.cluster.answer = func(machine.Stream, *machine.Record) (proto.Message, error) { return nil, nil }
	big := &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: strings.Repeat("x", DefaultMaxRequestBytes)}}
	id := &lhpb.WfRunId{Id: "w"}
	_, err := f.client.PutExternalEvent(t.Context(), &lhpb.PutExternalEventRequest{WfRunId: id, Content: big})
	wantStatus(t, err, codes.ResourceExhausted, "1047000")
	_, err = f.client.ReportTask(t.Context(), &lhpb.ReportTaskRun{
		TaskRunId: &lhpb.TaskRunId{WfRunId: id, TaskGuid: "0-1"}, Result: &lhpb.ReportTaskRun_Output{Output: big},
	})
	wantStatus(t, err, codes.OK)
	big.Value = &lhpb.VariableValue_Bytes{Bytes: make([]byte, MaxMessageBytes)}
	_, err = f.client.PutExternalEvent(t.Context(), &lhpb.PutExternalEventRequest{WfRunId: id, Content: big})
	wantStatus(t, err, codes.ResourceExhausted)
}

func TestDeeplyNestedRequests(t *testing.T) {
	f := newFace(t)
	deep := &lhpb.VariableValue{}
	for range 500 {
		deep = &lhpb.VariableValue{Value: &lhpb.VariableValue_Array{Array: &lhpb.Array{Items: []*lhpb.VariableValue{deep}}}}
	}
	_, err := f.client.PutExternalEvent(t.Context(), &lhpb.PutExternalEventRequest{WfRunId: &lhpb.WfRunId{Id: "w"}, Content: deep})
	wantStatus(t, err, codes.InvalidArgument, "cannot be decoded")
	id := &lhpb.WfRunId{Id: "w"}
	for range lh.MaxWfRunDepth {
		id = &lhpb.WfRunId{Id: "w", ParentWfRunId: id}
	}
	f.definitions.specs["greet"] = &lhpb.WfSpec{Id: &lhpb.WfSpecId{Name: "greet"}}
	_, err = f.client.RunWf(t.Context(), &lhpb.RunWfRequest{WfSpecName: "greet", ParentWfRunId: id})
	wantStatus(t, err, codes.InvalidArgument, "too deep")
	_, err = f.client.GetWfRun(t.Context(), id)
	wantStatus(t, err, codes.NotFound)
	_, err = f.client.StopWfRun(t.Context(), &lhpb.StopWfRunRequest{WfRunId: id})
	wantStatus(t, err, codes.NotFound)
}

func TestEdgeOfRunWf(t *testing.T) {
	f := newFace(t)
	f.definitions.specs["greet"] = &lhpb.WfSpec{Id: &lhpb.WfSpecId{Name: "greet", MajorVersion: 2, Revision: 3}}
	str := func(s string) *string { return &s }
	num := func(n int32) *int32 { return &n }
	for _, c := range []struct {
		name string
		req  *lhpb.RunWfRequest
		code codes.Code
		word string
	}{
		{"no name", &lhpb.RunWfRequest{}, codes.InvalidArgument, "wf_spec_name"},
		{"bad id", &lhpb.RunWfRequest{WfSpecName: "greet", Id: str("a_b")}, codes.InvalidArgument, "must be a valid hostname"},
		{"empty id", &lhpb.RunWfRequest{WfSpecName: "greet", Id: str("")}, codes.InvalidArgument, "must be a valid hostname"},
		{"unknown WfSpec", &lhpb.RunWfRequest{WfSpecName: "other"}, codes.NotFound, "Couldn't find specified WfSpec"},
		{"revision alone", &lhpb.RunWfRequest{WfSpecName: "greet", Revision: num(1)}, codes.InvalidArgument, "major_version"},
		{"negative major", &lhpb.RunWfRequest{WfSpecName: "greet", MajorVersion: num(-1)}, codes.NotFound, "Couldn't find"},
		{"bad parent", &lhpb.RunWfRequest{WfSpecName: "greet", ParentWfRunId: &lhpb.WfRunId{Id: "a/b"}}, codes.InvalidArgument, "valid hostname"},
	} {
		_, err := f.client.RunWf(t.Context(), c.req)
		t.Run(c.name, func(t *testing.T) { wantStatus(t, err, c.code, c.word) })
	}
	var got *machine.Record
	f.cluster.answer = func(_ machine.Stream, r *machine.Record) (proto.Message, error) {
		got = r
		return &lhpb.WfRun{Id: &lhpb.WfRunId{Id: r.GetRunWf().GetRequest().GetId()}}, nil
	}
	w, err := f.client.RunWf(t.Context(), &lhpb.RunWfRequest{WfSpecName: "greet"})
	wantStatus(t, err, codes.OK)
	if len(w.Id.Id) != 32 || w.Id.Id[12] != '4' {
		t.Errorf("chosen id %q", w.Id.Id)
	}
	h := got.Header
	if h.Tenant != "default" || h.Principal != "anonymous" || h.CatalogVersion != 7 || len(h.RequestId) != 16 {
		t.Errorf("header %v", h)
	}
	if id := got.GetRunWf().WfSpecId; id.MajorVersion != 2 || id.Revision != 3 {
		t.Errorf("latest became %v", id)
	}
}
