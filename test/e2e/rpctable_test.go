package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"littlehorse/internal/api"
	"littlehorse/lhpb"
)

// rpcCase is a row of testdata/rpcs.txt.
type rpcCase struct {
	name    string
	request string // JSON; empty for the request of the valid case
	nothing bool   // there is nothing to ask
	code    codes.Code
	words   []string // in the answer or the refusal
}

// rpcBlock is what the table says of an RPC.
type rpcBlock struct {
	rpc   string
	cases []rpcCase
}

func (b rpcBlock) find(name string) (rpcCase, bool) {
	i := slices.IndexFunc(b.cases, func(c rpcCase) bool { return c.name == name })
	if i < 0 {
		return rpcCase{}, false
	}
	return b.cases[i], true
}

// rpcTable reads testdata/rpcs.txt; the block "*" is what holds for all.
func rpcTable(t *testing.T) map[string]rpcBlock {
	t.Helper()
	text, err := os.ReadFile("testdata/rpcs.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]rpcBlock{}
	var at rpcBlock
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "#"), strings.TrimSpace(line) == "":
		case strings.HasPrefix(line, " "):
			c, err := parseCase(strings.TrimSpace(line))
			if err != nil {
				t.Fatalf("%s: %v", at.rpc, err)
			}
			at.cases = append(at.cases, c)
			out[at.rpc] = at
		default:
			at = rpcBlock{rpc: strings.TrimSpace(line)}
			if _, twice := out[at.rpc]; twice {
				t.Fatalf("%s stands there twice", at.rpc)
			}
		}
	}
	return out
}

func parseCase(line string) (c rpcCase, err error) {
	c.name, line, _ = strings.Cut(line, " ")
	line = strings.TrimSpace(line)
	if line == "-" {
		c.nothing = true
		return c, nil
	}
	if strings.HasPrefix(line, "{") {
		dec := json.NewDecoder(strings.NewReader(line))
		var object json.RawMessage
		if err := dec.Decode(&object); err != nil {
			return c, fmt.Errorf("%s: %w", c.name, err)
		}
		c.request, line = string(object), strings.TrimSpace(line[dec.InputOffset():])
	}
	if word, rest, _ := strings.Cut(line, " "); word != "" && word[0] != '"' {
		if err := c.code.UnmarshalJSON([]byte(strconv.Quote(word))); err != nil {
			return c, fmt.Errorf("%s: %w", c.name, err)
		}
		line = strings.TrimSpace(rest)
	}
	for line != "" {
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			return c, fmt.Errorf("%s: %q: %w", c.name, line, err)
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			return c, fmt.Errorf("%s: %w", c.name, err)
		}
		c.words, line = append(c.words, word), strings.TrimSpace(line[len(quoted):])
	}
	return c, nil
}

// request reads JSON in which $tenant stands for a name.
func request(t *testing.T, m protoreflect.MethodDescriptor, text, tenant string) proto.Message {
	t.Helper()
	req := newMessage(t, m.Input())
	if err := protojson.Unmarshal([]byte(strings.ReplaceAll(text, "$tenant", tenant)), req); err != nil {
		t.Fatalf("%s %s: %v", m.Name(), text, err)
	}
	return req
}

// step is a request of a file in testdata.
type step struct {
	rpc, request string
}

func worldSteps(t *testing.T) []step {
	t.Helper()
	return stepsOf(t, "world.txt")
}

// stepsOf reads a file of RPCs, each with a request in JSON.
func stepsOf(t *testing.T, file string) (out []step) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for {
		for bytes.HasPrefix(text, []byte("#")) {
			_, text, _ = bytes.Cut(text, []byte("\n"))
			text = bytes.TrimSpace(text)
		}
		if len(text) == 0 {
			return out
		}
		rpc, rest, _ := bytes.Cut(text, []byte(" "))
		dec := json.NewDecoder(bytes.NewReader(rest))
		var object json.RawMessage
		if err := dec.Decode(&object); err != nil {
			t.Fatalf("%s: %s: %v", file, rpc, err)
		}
		out = append(out, step{string(rpc), string(object)})
		text = bytes.TrimSpace(rest[dec.InputOffset():])
	}
}

// build makes a tenant with everything in it.
func (c *client) build(tenant string, steps []step) {
	c.t.Helper()
	c.do(steps[0], tenant) // puts the tenant
	in := c.as(tenant)
	for _, s := range steps[1:] {
		in.do(s, tenant)
	}
	in.awaitJobs()
}

// do takes a step.
func (c *client) do(s step, tenant string) proto.Message {
	c.t.Helper()
	m := method(c.t, s.rpc)
	reply, err := c.ask(c.ctx, m, request(c.t, m, s.request, tenant))
	if err != nil {
		c.t.Fatalf("%s %s: %v", s.rpc, s.request, err)
	}
	return reply
}

// awaitJobs waits until no job works in the background.
func (c *client) awaitJobs() {
	c.t.Helper()
	running := &lhpb.SearchBulkJobRequest{Status: lhpb.BulkJobStatus_BULK_JOB_RUNNING.Enum()}
	for {
		jobs := must(c.SearchBulkJob(c.ctx, running))(c)
		if len(jobs.Results) == 0 {
			return
		}
		select {
		case <-time.After(time.Millisecond):
		case <-c.ctx.Done():
			c.t.Fatalf("%v", jobs)
		}
	}
}

// Every RPC answers with the code that is written down for it, whatever is wrong with the call.
//
// covers: api §1.1; api §3; tasks-and-events §2; api §4.2; api §5; security §4; security §5; tasks-and-events §1.3; tasks §4.5; tasks §4.7; tasks §7; events §8; observability §6; dashboard A.3 RPCs
func TestEveryRPCAnswersAsDocumented(t *testing.T) {
	everyRPC(t, inProcess(t, withIdentities), nil)
}

// everyRPC calls the RPCs by gRPC, or those of one message each way by another connection.
func everyRPC(t *testing.T, c *client, by connection) {
	t.Helper()
	c.ctx = t.Context()
	table, needs, steps := rpcTable(t), permissions(t), worldSteps(t)
	c.principal("second", admin())
	for _, m := range methods() {
		if m.IsStreamingClient() && by != nil {
			continue
		}
		block, ok := table[string(m.Name())]
		if !ok {
			t.Errorf("testdata/rpcs.txt has no rows for %s", m.Name())
			continue
		}
		r := rpcRun{
			c: c, t: t, method: m, block: block, always: table["*"],
			tenant: "t-" + strings.ToLower(block.rpc), empty: "e-" + strings.ToLower(block.rpc),
		}
		c.build(r.tenant, steps)
		c.tenant(r.empty)
		c.principalsFor(needs[block.rpc])
		if by != nil {
			other := *c
			other.conn = by
			r.c, r.formed = &other, true
		}
		r.all()
	}
	for rpc := range table {
		if rpc != "*" {
			method(t, rpc)
		}
	}
}

// principalsFor puts who has just a permission, all others, and none.
func (c *client) principalsFor(p permission) {
	c.t.Helper()
	var others []*lhpb.ServerACL
	everyACL(func(r lhpb.ACLResource, a lhpb.ACLAction) {
		if !p.givenBy(r, a) {
			others = append(others, acl(a, r))
		}
	})
	c.principal("just", acls(acl(p.action, p.resource)))
	c.principal("denied", acls(others...))
	c.principal("powerless", nil)
}

// rpcRun goes through the cases of one RPC.
type rpcRun struct {
	c             *client
	t             *testing.T
	method        protoreflect.MethodDescriptor
	tenant, empty string
	block, always rpcBlock
	formed        bool // only what is a message can be sent
}

func (r rpcRun) all() {
	r.t.Helper()
	valid, ok := r.block.find("valid")
	if !ok {
		r.t.Errorf("%s has no valid case", r.block.rpc)
		return
	}
	just, there := r.c.who("just"), r.tenant
	if !r.formed {
		r.raw("garbage", just.as(there), []byte{0xff, 0xff, 0xff})
		r.raw("oversized", just.as(there), r.oversized(valid))
	}
	r.check(r.want("nobody"), just.as("nobody"), valid.request)
	r.check(r.want("denied"), r.c.who("denied").as(there), valid.request)
	r.check(r.want("powerless"), r.c.who("powerless").as(there), valid.request)
	for _, name := range []string{"missing", "malformed", "unknown", "elsewhere"} {
		if _, ok := r.block.find(name); !ok {
			r.t.Errorf("%s has no case %s", r.block.rpc, name)
		}
	}
	for _, c := range r.block.cases {
		_, general := r.always.find(c.name)
		switch {
		case general, c.nothing, c.name == "valid", c.name == "again":
		case c.name == "elsewhere" && c.request == "":
			r.check(c, just.as(r.empty), valid.request)
		case c.name == "elsewhere":
			r.check(c, just.as(r.empty), c.request)
		default:
			r.check(c, just.as(there), c.request)
		}
	}
	r.check(valid, just.as(there), valid.request) // last: it may take away what the others need
	if again, ok := r.block.find("again"); ok {
		r.check(again, just.as(there), valid.request)
	} else if !isRead(r.method) && valid.code == codes.OK {
		r.t.Errorf("%s writes and has no case again", r.block.rpc)
	}
}

// want is a case that is the same for all RPCs, unless the block has its own.
func (r rpcRun) want(name string) rpcCase {
	if c, own := r.block.find(name); own {
		return c
	}
	c, ok := r.always.find(name)
	if !ok {
		r.t.Fatalf("there is no case %s for all RPCs", name)
	}
	return c
}

// oversized is a request with a field that no schema knows, and that no record can hold.
func (r rpcRun) oversized(valid rpcCase) []byte {
	b, err := proto.Marshal(request(r.t, r.method, valid.request, r.tenant))
	if err != nil {
		r.t.Fatal(err)
	}
	b = protowire.AppendTag(b, 1000, protowire.BytesType)
	return protowire.AppendBytes(b, make([]byte, api.DefaultMaxRequestBytes))
}

func (r rpcRun) raw(name string, from *client, request []byte) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(from.ctx, time.Minute)
	defer cancel()
	_, err := from.ask(ctx, r.method, request, grpc.ForceCodec(rawCodec{}))
	r.judge(r.want(name), name, nil, err)
}

func (r rpcRun) check(want rpcCase, from *client, text string) {
	r.t.Helper()
	patience := time.Minute
	if want.code == codes.DeadlineExceeded {
		patience = 50 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(from.ctx, patience)
	defer cancel()
	reply, err := from.ask(ctx, r.method, request(r.t, r.method, text, r.tenant))
	r.judge(want, text, reply, err)
}

func (r rpcRun) judge(want rpcCase, text string, reply proto.Message, err error) {
	r.t.Helper()
	if status.Code(err) != want.code {
		r.t.Errorf("%s, %s: %s\ngot  %v\nwant %s", r.block.rpc, want.name, text, err, want.code)
		return
	}
	said := status.Convert(err).Message()
	if err == nil && reply != nil {
		b, err := json.Marshal(json.RawMessage(protojson.Format(reply)))
		if err != nil {
			r.t.Fatal(err)
		}
		said = string(b)
	}
	for _, w := range want.words {
		if !strings.Contains(said, strings.ReplaceAll(w, "$tenant", r.tenant)) {
			r.t.Errorf("%s, %s: %s\nsays %s\nnot  %q", r.block.rpc, want.name, text, said, w)
		}
	}
}
