package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"littlehorse/lhpb"
)

// named finds what world.txt calls its things. In the foreign tenant each of them has another name.
var named = regexp.MustCompile(`"(point|greet|spare|paid|coupled|shipped|form|flow|events|human|fork|broken|plan|claimed|worker|` +
	`open|stopped|waiting|done|asked|forked|failed|k|g|yearly|job)"`)

const foreign = "alpha"

func renamed(text string) string { return named.ReplaceAllString(text, `"`+foreign+`-$1"`) }

// foreignNames are all ids of the foreign tenant, and its own.
func foreignNames(steps []step) []string {
	seen := map[string]bool{foreign: true}
	for _, s := range steps {
		for _, m := range named.FindAllStringSubmatch(s.request, -1) {
			seen[foreign+"-"+m[1]] = true
		}
	}
	var out []string
	for name := range seen {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Whatever a tenant asks, with ids of another tenant put into every field that can hold one, is answered as if
// the other tenant had nothing; and the other tenant keeps what it has. Two servers are asked the same: one
// where the other tenant has a world, and one where it has none.
//
// covers: security §1; security §6; api §1
func TestNoTenantSeesAnother(t *testing.T) {
	steps, needs, table := worldSteps(t), permissions(t), rpcTable(t)
	full, bare := inProcess(t, withIdentities), inProcess(t, withIdentities)
	var theirs []step
	for _, s := range steps {
		theirs = append(theirs, step{s.rpc, renamed(s.request)})
	}
	full.build(foreign, theirs)
	bare.tenant(foreign)
	before := full.everything(foreign, table, needs)

	p := prober{t: t, full: full, bare: bare, names: foreignNames(steps), rand: rand.New(rand.NewPCG(7, 11))}
	for _, m := range methods() {
		p.tenant = "reads"
		if !isRead(m) {
			p.tenant = "w-" + strings.ToLower(string(m.Name()))
		}
		p.ofCluster = needs[string(m.Name())].ofCluster()
		p.prepare(steps)
		p.probe(m, table[string(m.Name())])
		if !needs[string(m.Name())].open {
			p.trespass(m, table[string(m.Name())])
		}
	}
	t.Logf("%d requests", p.asked)
	after := full.everything(foreign, table, needs)
	for i, was := range before {
		if after[i] != was {
			t.Errorf("the foreign tenant had\n%s\nand has\n%s", was, after[i])
		}
	}
}

// isMetric reports whether answers change with the minute, or sooner.
func isMetric(m protoreflect.MethodDescriptor) bool {
	return strings.Contains(string(m.Name()), "Metric") || m.Name() == "GetClock" || m.Name() == "GetWfRunCounts"
}

func isRead(m protoreflect.MethodDescriptor) bool {
	for _, verb := range []string{"Get", "List", "Search", "Count", "Validate", "Await", "Whoami", "Explain"} {
		if strings.HasPrefix(string(m.Name()), verb) {
			return true
		}
	}
	return false
}

// everything is what a tenant can read of its own.
func (c *client) everything(tenant string, table map[string]rpcBlock, needs map[string]permission) (out []string) {
	c.t.Helper()
	in := c.as(tenant)
	for _, m := range methods() {
		valid, _ := table[string(m.Name())].find("valid")
		if !isRead(m) || isMetric(m) || valid.code != codes.OK || needs[string(m.Name())].ofCluster() {
			continue
		}
		reply, err := in.ask(in.ctx, m, request(c.t, m, renamed(valid.request), tenant))
		if err != nil {
			c.t.Errorf("%s: %v", m.Name(), err)
		}
		out = append(out, fmt.Sprint(m.Name(), " ", protojson.Format(reply)))
	}
	return out
}

// prober asks two servers the same.
type prober struct {
	t          *testing.T
	full, bare *client
	tenant     string
	ofCluster  bool
	built      map[string]bool
	names      []string
	rand       *rand.Rand
	asked      int
}

// prepare makes the tenant that asks, and who asks: somebody who may do all in it, and nothing else.
func (p *prober) prepare(steps []step) {
	p.t.Helper()
	if p.built[p.tenant] {
		return
	}
	if p.built == nil {
		p.built = map[string]bool{}
	}
	p.built[p.tenant] = true
	for _, c := range []*client{p.full, p.bare} {
		c.build(p.tenant, steps)
		must(c.PutPrincipal(c.ctx, &lhpb.PutPrincipalRequest{
			Id: "user of " + p.tenant, PerTenantAcls: map[string]*lhpb.ServerACLs{p.tenant: admin()},
		}))(c)
	}
}

// mostPaths bounds how many fields of one request are tried.
const mostPaths = 60

// probe puts foreign names into each field of the requests that the table has for an RPC.
func (p *prober) probe(m protoreflect.MethodDescriptor, block rpcBlock) {
	p.t.Helper()
	var from []proto.Message
	for _, c := range block.cases {
		if c.request != "" {
			req := request(p.t, m, c.request, p.tenant)
			swapped := request(p.t, m, renamed(c.request), foreign)
			from = append(from, req, swapped)
			p.ask(m, swapped)
		}
	}
	paths := textPaths(m.Input(), nil, 5)
	p.rand.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
	for _, path := range paths[:min(len(paths), mostPaths)] {
		for range 6 {
			req := proto.Clone(from[p.rand.IntN(len(from))])
			setText(req.ProtoReflect(), path, p.names[p.rand.IntN(len(p.names))])
			p.ask(m, req)
		}
	}
}

// trespass asks in the foreign tenant itself, where the caller has no rights.
func (p *prober) trespass(m protoreflect.MethodDescriptor, block rpcBlock) {
	p.t.Helper()
	valid, _ := block.find("valid")
	trespasser := p.full.who("user of " + p.tenant).as(foreign)
	err := trespasser.refusal(m, request(p.t, m, renamed(valid.request), foreign))
	p.full.refused(err, codes.PermissionDenied, "Missing permissions")
}

// ask sends a request to both servers and compares what they say.
func (p *prober) ask(m protoreflect.MethodDescriptor, req proto.Message) {
	p.t.Helper()
	p.asked++
	reply, err := p.send(p.full, m, req)
	if b, _ := proto.Marshal(reply); bytes.Contains(b, []byte("secret-"+foreign)) {
		p.t.Fatalf("%s %v reads another tenant: %v", m.Name(), req, reply)
	}
	if p.ofCluster && status.Code(err) != codes.PermissionDenied {
		p.t.Errorf("%s %v: %v", m.Name(), req, err)
	}
	if isMetric(m) {
		if strings.Contains(told(reply, err), `"`+foreign) && err == nil {
			p.t.Errorf("%s %v reads another tenant: %v", m.Name(), req, reply)
		}
		return
	}
	other, otherErr := p.send(p.bare, m, req)
	if status.Code(err) == codes.DeadlineExceeded || status.Code(otherErr) == codes.DeadlineExceeded {
		return // one may have been too slow
	}
	with, without := told(reply, err), told(other, otherErr)
	if with != without {
		p.t.Errorf("%s %v\nbeside another tenant  %s\nalone                  %s", m.Name(), req, with, without)
	}
}

func (p *prober) send(c *client, m protoreflect.MethodDescriptor, req proto.Message) (proto.Message, error) {
	as := c.who("user of " + p.tenant).as(p.tenant)
	patience := 20 * time.Second
	if m.Name() == "AwaitWorkflowEvent" {
		patience = 20 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(as.ctx, patience)
	defer cancel()
	return as.ask(ctx, m, req)
}

var (
	generatedID = regexp.MustCompile(`[0-9a-f]{32}`)
	momentText  = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)
)

// told is an answer without what differs from server to server: moments, ports, bookmarks, generated ids, and how
// far a job in the background is.
func told(reply proto.Message, err error) string {
	text := status.Convert(err).Message()
	if err == nil {
		reply = proto.Clone(reply)
		forget(reply.ProtoReflect())
		b, _ := json.Marshal(json.RawMessage(protojson.Format(reply)))
		text = string(b)
	}
	text = generatedID.ReplaceAllString(text, "ID")
	return status.Code(err).String() + " " + momentText.ReplaceAllString(text, "WHEN")
}

func forget(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Name() == "bookmark", f.Message() != nil && f.Message().FullName() == "google.protobuf.Timestamp",
			f.Name() == "port", f.ContainingMessage().Name() == "BulkJob" && f.Name() != "id":
			m.Clear(f)
		case f.IsMap() && f.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool { forget(v.Message()); return true })
		case f.IsList() && f.Message() != nil:
			sortMessages(v.List())
		case f.Message() != nil && !f.IsMap():
			forget(v.Message())
		}
		return true
	})
}

// sortMessages puts a list in an order that has nothing to do with time.
func sortMessages(l protoreflect.List) {
	type item struct {
		text  string
		value protoreflect.Value
	}
	var items []item
	for i := range l.Len() {
		forget(l.Get(i).Message())
		b, _ := proto.MarshalOptions{Deterministic: true}.Marshal(l.Get(i).Message().Interface())
		items = append(items, item{generatedID.ReplaceAllString(string(b), "ID"), l.Get(i)})
	}
	slices.SortStableFunc(items, func(a, b item) int { return strings.Compare(a.text, b.text) })
	for i, it := range items {
		l.Set(i, it.value)
	}
}

// textPaths are the ways to each field of a message, and of the messages in it, that holds text.
func textPaths(d protoreflect.MessageDescriptor, above []protoreflect.FieldDescriptor, depth int) (out [][]protoreflect.FieldDescriptor) {
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		path := append(slices.Clone(above), f)
		inner := f
		if f.IsMap() {
			inner = f.MapValue()
		}
		switch {
		case inner.Message() != nil && depth > 0 && !slices.Contains(above, f):
			out = append(out, textPaths(inner.Message(), path, depth-1)...)
		case inner.Kind() == protoreflect.StringKind:
			out = append(out, path)
		}
	}
	return out
}

// setText writes a text at the end of a path, and makes what is missing on the way.
func setText(m protoreflect.Message, path []protoreflect.FieldDescriptor, text string) {
	f, rest := path[0], path[1:]
	value := protoreflect.ValueOfString(text)
	switch {
	case f.IsMap():
		entries := m.Mutable(f).Map()
		key := protoreflect.ValueOfString(text).MapKey()
		entries.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
			if key.String() == text || k.String() < key.String() {
				key = k
			}
			return true
		})
		if len(rest) == 0 {
			entries.Set(key, value)
		} else {
			setText(entries.Mutable(key).Message(), rest, text)
		}
	case f.IsList():
		list := m.Mutable(f).List()
		if list.Len() == 0 && f.Message() != nil {
			list.AppendMutable()
		}
		if f.Message() == nil {
			list.Append(value)
		} else {
			setText(list.Get(list.Len()-1).Message(), rest, text)
		}
	case f.Message() != nil:
		setText(m.Mutable(f).Message(), rest, text)
	default:
		m.Set(f, value)
	}
}
