package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"littlehorse/internal/api"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

var write = flag.Bool("write", false, "write generated documents instead of comparing them")

// methods of the public service, in the order of its schema.
func methods() (out []protoreflect.MethodDescriptor) {
	for _, service := range []protoreflect.ServiceDescriptor{
		lhpb.File_service_proto.Services().ByName("LittleHorse"), extra.File_littlehorse_extra_v1_explain_proto.Services().ByName("ExtraService"),
		extra.File_littlehorse_extra_v1_view_proto.Services().ByName("ViewService"),
		extra.File_littlehorse_extra_v1_clock_proto.Services().ByName("ClockService"),
		extra.File_littlehorse_extra_v1_bulk_proto.Services().ByName("BulkService"),
	} {
		for i := range service.Methods().Len() {
			out = append(out, service.Methods().Get(i))
		}
	}
	return out
}

func newMessage(t *testing.T, d protoreflect.MessageDescriptor) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		t.Fatal(err)
	}
	return kind.New().Interface()
}

// call sends one request to a method, whatever it is, and gives its outcome.
func (c *client) call(m protoreflect.MethodDescriptor, request any, opts ...grpc.CallOption) error {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 300*time.Millisecond)
	defer cancel()
	_, err := c.ask(ctx, m, request, opts...)
	return err
}

// ask sends one request to a method and gives its answer. A stream that ends without one answers nothing.
func (c *client) ask(ctx context.Context, m protoreflect.MethodDescriptor, request any, opts ...grpc.CallOption) (proto.Message, error) {
	c.t.Helper()
	name := fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name())
	reply := newMessage(c.t, m.Output())
	if !m.IsStreamingClient() {
		return reply, c.conn.Invoke(ctx, name, request, reply, opts...)
	}
	stream, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, name, opts...)
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(request); err != nil && !errors.Is(err, io.EOF) { // io.EOF: RecvMsg says why
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	if err := stream.RecvMsg(reply); !errors.Is(err, io.EOF) {
		return reply, err
	}
	return reply, nil
}

// docs/rpcs.md says for each RPC whether it is served and who may call it; a running server is the judge.
// Regenerate it with go test ./test/e2e -run TestDocumentedRPCs -write.
func TestDocumentedRPCs(t *testing.T) {
	c := inProcess(t)
	var b strings.Builder
	b.WriteString("# RPCs\n\nWhat this server does with each call of `littlehorse.LittleHorse`, and at the end of `ExtraService`, `ViewService`, `ClockService` and `BulkService`\n")
	b.WriteString("of `littlehorse.extra.v1`, which are ours. A test calls every one of them and compares.\n")
	b.WriteString("*[Permission](ops/permissions.md)* is what the Principal of the caller needs; cluster-scoped resources need it globally.\n\n")
	b.WriteString("| RPC | state | permission |\n| --- | --- | --- |\n")
	served := 0
	for _, m := range methods() {
		err := c.call(m, newMessage(t, m.Input()))
		state := "served"
		if status.Code(err) == codes.Unimplemented {
			state = "`UNIMPLEMENTED`"
			if !strings.Contains(err.Error(), string(m.Name())) {
				t.Errorf("%s: %v does not say which RPC", m.Name(), err)
			}
		} else {
			served++
		}
		permission := "none"
		for _, need := range api.Permission(string(m.Name())) {
			permission = need.String()
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", m.Name(), state, permission)
	}
	fmt.Fprintf(&b, "\n%d of %d are served.\n", served, len(methods()))
	const file = "../../docs/rpcs.md"
	if *write {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != b.String() {
		t.Errorf("%s is not what the server does (%v): run this test with -write", file, err)
	}
}

// An empty request is answered with a code that says what is missing, never with one that says "crash".
func TestEmptyRequestsAreAnsweredInWords(t *testing.T) {
	c := inProcess(t)
	for _, m := range methods() {
		err := c.call(m, newMessage(t, m.Input()))
		switch status.Code(err) {
		case codes.Internal, codes.Unknown, codes.Unavailable, codes.DataLoss, codes.Aborted:
			t.Errorf("%s: %v", m.Name(), err)
		}
	}
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }
func (rawCodec) Marshal(v any) ([]byte, error) {
	return v.([]byte), nil
}
func (rawCodec) Unmarshal([]byte, any) error { return nil }

// Random bytes and random messages to every RPC leave the server standing, and no code says "crash".
func TestNoiseDoesNotCrashAnyRPC(t *testing.T) {
	c := inProcess(t)
	r := rand.New(rand.NewPCG(1, 2))
	for _, m := range methods() {
		for range 8 {
			noise := make([]byte, r.IntN(200))
			for i := range noise {
				noise[i] = byte(r.Uint32())
			}
			if r.IntN(2) == 0 {
				message := newMessage(t, m.Input())
				fill(r, message.ProtoReflect(), 4)
				var err error
				if noise, err = proto.Marshal(message); err != nil {
					continue
				}
			}
			err := c.call(m, noise, grpc.ForceCodec(rawCodec{}))
			switch status.Code(err) {
			case codes.Internal, codes.Unknown, codes.DataLoss:
				t.Errorf("%s with %x: %v", m.Name(), noise, err)
			}
		}
	}
	must(c.GetServerVersion(c.ctx, nil))(c)
}

var words = []string{"", "a", "greet", "default", "A-b", "a/b", "a_b", "ä\x00", "$.x", "0-1", strings.Repeat("x", 300)}

// fill sets fields of a message at random.
func fill(r *rand.Rand, m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if r.IntN(3) == 0 || (f.Message() != nil && depth == 0) {
			continue
		}
		switch {
		case f.IsMap():
			entries := m.Mutable(f).Map()
			v := entries.NewValue()
			if f.MapValue().Message() != nil {
				fill(r, v.Message(), depth-1)
			} else {
				v = scalar(r, f.MapValue())
			}
			entries.Set(scalar(r, f.MapKey()).MapKey(), v)
		case f.IsList():
			list := m.Mutable(f).List()
			for range r.IntN(3) {
				if f.Message() != nil {
					fill(r, list.AppendMutable().Message(), depth-1)
				} else {
					list.Append(scalar(r, f))
				}
			}
		case f.Message() != nil:
			fill(r, m.Mutable(f).Message(), depth-1)
		default:
			m.Set(f, scalar(r, f))
		}
	}
}

func scalar(r *rand.Rand, f protoreflect.FieldDescriptor) protoreflect.Value {
	n := []int64{0, 1, -1, 2, 7, 1 << 30}[r.IntN(6)]
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n > 0)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(n << 32)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(n) / 3)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(words[r.IntN(len(words))]))
	default:
		return protoreflect.ValueOfString(strings.ToValidUTF8(words[r.IntN(len(words))], "?"))
	}
}
