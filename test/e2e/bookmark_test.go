package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"littlehorse/lhpb"
)

// A bookmark is anything a client sends: cut, with other bytes, of another query or tenant. It is refused in
// words or taken as a position within the very query; it never shows another tenant's things.
func TestForgedBookmarks(t *testing.T) {
	c := inProcess(t)
	must(c.PutTenant(c.ctx, &lhpb.PutTenantRequest{Id: "spy"}))(c)
	for i := range 3 {
		c.taskDef(fmt.Sprint("greet", i))
		c.taskFlow(fmt.Sprint("hello", i), "greet0")
	}
	for i := range 6 {
		c.run("hello0", fmt.Sprint("w", i), "Ana")
	}
	queries := []struct {
		rpc string
		req proto.Message
	}{
		{"SearchWfRun", &lhpb.SearchWfRunRequest{WfSpecName: "hello0", Limit: ptr(int32(1))}},
		{"SearchWfRun", &lhpb.SearchWfRunRequest{Limit: ptr(int32(1))}},
		{"SearchVariable", &lhpb.SearchVariableRequest{WfSpecName: "hello0", VarName: "name", Value: str("Ana"), Limit: ptr(int32(1))}},
		{"SearchTaskRun", &lhpb.SearchTaskRunRequest{TaskDefName: "greet0", Limit: ptr(int32(1))}},
		{"SearchTaskDef", &lhpb.SearchTaskDefRequest{Limit: ptr(int32(1))}},
		{"SearchWfSpec", &lhpb.SearchWfSpecRequest{Limit: ptr(int32(1))}},
		{"ListNodeRuns", &lhpb.ListNodeRunsRequest{WfRunId: &lhpb.WfRunId{Id: "w0"}, Limit: ptr(int32(1))}},
	}
	r := rand.New(rand.NewPCG(3, 4))
	var earlier []byte
	for _, q := range queries {
		m := method(t, q.rpc)
		page, err := c.page(c.ctx, m, q.req, nil)
		mark := bookmarkOf(page)
		if err != nil || len(mark) == 0 {
			t.Fatalf("%s: %v, bookmark %x", q.rpc, err, mark)
		}
		if earlier != nil {
			_, err := c.page(c.ctx, m, q.req, earlier)
			c.refused(err, codes.InvalidArgument, "another request")
		}
		earlier = mark
		spy := c.as("spy")
		_, err = spy.page(spy.ctx, m, q.req, mark)
		spy.refused(err, codes.InvalidArgument)
		for n := range 60 {
			forged := forge(r, mark, n)
			_, err := c.page(c.ctx, m, q.req, forged)
			if code := status.Code(err); code != codes.OK && code != codes.InvalidArgument {
				t.Errorf("%s with bookmark %x: %v", q.rpc, forged, err)
			}
		}
		forged := append(bytes.Clone(mark), make([]byte, 64<<10)...)
		_, err = c.page(c.ctx, m, q.req, forged)
		c.refused(err, codes.InvalidArgument)
	}
}

// forge keeps the part that names the query at first and changes what follows.
func forge(r *rand.Rand, mark []byte, n int) []byte {
	const head = 9
	out := bytes.Clone(mark)
	switch n % 4 {
	case 0:
		return out[:r.IntN(len(out))]
	case 1:
		out[r.IntN(len(out))] ^= byte(1 + r.IntN(255))
	case 2:
		return append(out[:head:head], bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(40))...)
	default:
		for i := head; i < len(out); i++ {
			out[i] = byte(r.Uint32())
		}
	}
	return out
}

func method(t *testing.T, name string) protoreflect.MethodDescriptor {
	t.Helper()
	for _, m := range methods() {
		if string(m.Name()) == name {
			return m
		}
	}
	t.Fatalf("there is no RPC %s", name)
	return nil
}

// page asks for the page behind the bookmark.
func (c *client) page(ctx context.Context, m protoreflect.MethodDescriptor, req proto.Message, bookmark []byte) (proto.Message, error) {
	req, reply := proto.Clone(req), newMessage(c.t, m.Output())
	if f := req.ProtoReflect().Descriptor().Fields().ByName("bookmark"); bookmark != nil {
		req.ProtoReflect().Set(f, protoreflect.ValueOfBytes(bookmark))
	}
	return reply, c.conn.Invoke(ctx, fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name()), req, reply)
}

func bookmarkOf(page proto.Message) []byte {
	f := page.ProtoReflect().Descriptor().Fields().ByName("bookmark")
	return page.ProtoReflect().Get(f).Bytes()
}
