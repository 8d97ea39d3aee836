package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"

	"littlehorse/internal/auth"
	"littlehorse/internal/lh"
	"littlehorse/internal/server"
	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
	"littlehorse/test/ports"
)

// outputLine is any line of an output stream.
type outputLine struct {
	Partition int             `json:"partition"`
	Number    uint64          `json:"number"`
	Key       string          `json:"key"`
	Record    json.RawMessage `json:"record"`
	Gap       *struct {
		Partition   int
		First, Last uint64
	} `json:"gap"`
	Position string                          `json:"position"`
	Error    *struct{ Code, Message string } `json:"error"`
}

// outputs reads output streams of a server.
type outputs struct {
	t             *testing.T
	addr          string
	tenant, token string
}

func (o outputs) get(ctx context.Context, topic string, query url.Values) *http.Response {
	o.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+o.addr+"/output/"+topic+"?"+query.Encode(), nil)
	if err != nil {
		o.t.Fatal(err)
	}
	req.Close = true
	if o.tenant != "" {
		req.Header.Set("tenantId", o.tenant)
	}
	if o.token != "" {
		req.Header.Set("Authorization", "Bearer "+o.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	return resp
}

// all reads what there is behind a position.
func (o outputs) all(topic, position string) (lines []outputLine) {
	o.t.Helper()
	query := url.Values{"follow": {"false"}}
	if position != "" {
		query.Set("position", position)
	}
	resp := o.get(o.t.Context(), topic, query)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/x-ndjson" {
		o.t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	for from := json.NewDecoder(resp.Body); ; {
		var line outputLine
		if err := from.Decode(&line); err == io.EOF {
			return lines
		} else if err != nil {
			o.t.Fatal(err)
		}
		lines = append(lines, line)
	}
}

// refused demands an answer without a stream.
func (o outputs) refused(topic string, query url.Values, status int, words string) {
	o.t.Helper()
	resp := o.get(o.t.Context(), topic, query)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status || !strings.Contains(string(body), words) {
		o.t.Errorf("%s %v: %s %s %v", topic, query, resp.Status, body, err)
	}
}

// records are the lines that hold one.
func records(lines []outputLine) []outputLine {
	return slices.DeleteFunc(slices.Clone(lines), func(l outputLine) bool { return l.Record == nil })
}

func last(lines []outputLine) string {
	for _, l := range slices.Backward(lines) {
		if l.Position != "" {
			return l.Position
		}
	}
	return ""
}

// publishes lets the tenant have output topics.
func (c *client) publishes(tenant string) {
	c.t.Helper()
	must(c.PutTenant(c.ctx, &lhpb.PutTenantRequest{Id: tenant, OutputTopicConfig: &lhpb.OutputTopicConfig{}}))(c)
}

// statesOf are the states of each WfRun in the order they were told.
func statesOf(t *testing.T, lines []outputLine) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, l := range records(lines) {
		r := &lhpb.OutputTopicRecord{}
		if err := protojson.Unmarshal(l.Record, r); err != nil {
			t.Fatal(err)
		}
		state := r.GetWfRun().GetStatus().String()
		if r.GetWfRun() == nil {
			state = r.GetTaskRun().GetStatus().String()
		}
		out[l.Key] = append(out[l.Key], state)
	}
	return out
}

// A reader that comes back with its position after the server was killed misses nothing, and is told nothing twice.
//
// covers: observability §5
// survives: 15 once
func TestOutputStreamGoesOnAfterAKill(t *testing.T) {
	port := ports.Free(t)
	s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=3", "LHD_PORT="+port, "LHD_OUTPUT_STREAM=true")
	s.Start(t)
	c := dial(t, s.API)
	o := outputs{t: t, addr: "127.0.0.1:" + port}
	o.refused("execution", nil, http.StatusNotFound, "has no output topics")
	c.publishes("default")
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	c.worker("greet", greet)
	for n := range 10 {
		c.run("hello", fmt.Sprint("before", n), "Ana")
		c.ends(fmt.Sprint("before", n))
	}
	first := o.all("execution", "")
	definitions := o.all("metadata", "")
	_ = c.conn.Close()
	s.Kill()

	s.Start(t)
	c = dial(t, s.API)
	c.worker("greet", greet)
	for n := range 10 {
		c.run("hello", fmt.Sprint("after", n), "Bo")
		c.ends(fmt.Sprint("after", n))
	}
	second := o.all("execution", last(first))
	want := []string{"RUNNING", "TASK_RUNNING", "TASK_SUCCESS", "COMPLETED"}
	for when, lines := range map[string][]outputLine{"before": first, "after": second} {
		runs := statesOf(t, lines)
		if len(runs) != 10 {
			t.Errorf("%s the kill %d WfRuns were told: %v", when, len(runs), runs)
		}
		for id, states := range runs {
			// A task that a worker waits for is handed out by the command that schedules it, which tells what becomes of it only.
			states = slices.DeleteFunc(states, func(s string) bool { return s == "TASK_SCHEDULED" })
			if !strings.HasPrefix(id, when) || !slices.Equal(states, want) {
				t.Errorf("%s the kill: %s %v", when, id, states)
			}
		}
	}
	next := map[int]uint64{}
	for _, l := range records(append(first, second...)) {
		if l.Number != next[l.Partition] {
			t.Errorf("partition %d gives record %d, not %d", l.Partition, l.Number, next[l.Partition])
		}
		next[l.Partition]++
	}
	// From the middle it repeats what is behind the position, and only that.
	at := slices.IndexFunc(first, func(l outputLine) bool { return l.Position != "" && l.Record == nil })
	again := o.all("execution", first[at].Position)
	if got, want := len(records(again)), len(records(append(first[at:], second...))); got != want {
		t.Errorf("%d records from the middle, not %d", got, want)
	}
	var keys []string
	for _, l := range records(definitions) {
		keys = append(keys, l.Key)
	}
	if !slices.Equal(keys, []string{"TASK_DEF/greet", "WF_SPEC/hello/00000/00000"}) {
		t.Errorf("definitions %v", keys)
	}
	if more := o.all("metadata", last(definitions)); len(records(more)) != 0 {
		t.Errorf("definitions told twice: %v", more)
	}
	s.Stop(t)
	if !strings.Contains(s.Output(), "the output stream is not authenticated") {
		t.Errorf("no warning: %s", s.Output())
	}
}

// bearers takes callers for whom their token names.
type bearers struct{}

func (bearers) Authenticate(ctx context.Context) (auth.Identity, *lh.Error) {
	said := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(said) == 0 {
		return auth.Identity{}, lh.Errorf(lh.Unauthenticated, "No token")
	}
	return auth.Identity{Name: strings.TrimPrefix(said[0], "Bearer "), Proven: true}, nil
}

// streaming starts a server with output streams.
func streaming(t *testing.T, change ...func(*server.Config)) (*client, outputs) {
	t.Helper()
	s, stop := start(t, append([]func(*server.Config){func(cfg *server.Config) {
		cfg.Listeners = append(cfg.Listeners, server.Listener{Name: "TOKENS", Authenticator: bearers{}})
		cfg.Dashboard = server.DashboardConfig{BindHost: "127.0.0.1", Listener: "TOKENS", OutputStream: true}
		if _, err := fmt.Sscan(ports.Free(t), &cfg.Dashboard.Port); err != nil {
			t.Fatal(err)
		}
	}}, change...)...)
	t.Cleanup(stop)
	return connected(t, s), outputs{t: t, addr: s.DashboardAddr(), token: "boss"}
}

// covers: observability §5; security §5
func TestOutputStreamIsForThoseWhoMayReadEverything(t *testing.T) {
	c, boss := streaming(t)
	everything := acls(acl(lhpb.ACLAction_READ, lhpb.ACLResource_ACL_ALL_RESOURCES))
	c.principal("boss", admin())
	c.principal("reader", everything)
	c.principal("some", acls(acl(lhpb.ACLAction_READ, lhpb.ACLResource_ACL_WORKFLOW, lhpb.ACLResource_ACL_TASK)))
	c.principal("writer", acls(acl(lhpb.ACLAction_WRITE_METADATA, lhpb.ACLResource_ACL_ALL_RESOURCES)))
	c.publishes("default")
	c.publishes("bank")
	must(c.PutPrincipal(c.ctx, &lhpb.PutPrincipalRequest{Id: "banker", PerTenantAcls: map[string]*lhpb.ServerACLs{"bank": everything}}))(c)
	c.as("bank").taskDef("secret")

	for _, topic := range []string{"execution", "metadata"} {
		with := func(token, tenant string) outputs { o := boss; o.token, o.tenant = token, tenant; return o }
		with("", "").refused(topic, nil, http.StatusUnauthorized, "UNAUTHENTICATED")
		with("nobody", "").refused(topic, nil, http.StatusForbidden, "there is no Principal")
		with("some", "").refused(topic, nil, http.StatusForbidden, "Missing permissions [READ] over resources [ACL_ALL_RESOURCES]")
		with("writer", "").refused(topic, nil, http.StatusForbidden, "Missing permissions")
		with("banker", "").refused(topic, nil, http.StatusForbidden, "Missing permissions")
		with("boss", "nowhere").refused(topic, nil, http.StatusForbidden, "Tenant not allowed")
		with("reader", "").all(topic, "")
		own, others := with("banker", "bank").all(topic, ""), with("boss", "").all(topic, "")
		if topic == "metadata" && (len(records(own)) != 1 || len(records(others)) != 0) {
			t.Errorf("own %v, those of others %v", own, others)
		}

		with("boss", "").refused(topic, url.Values{"position": {last(own)}}, http.StatusBadRequest, "another topic or tenant")
		for _, bad := range []string{"x", "AQ", "!", last(others)[:len(last(others))-1], last(others) + "AA", strings.Repeat("A", 1000)} {
			with("boss", "").refused(topic, url.Values{"position": {bad}}, http.StatusBadRequest, "The position")
		}
	}
	boss.refused("metadata", url.Values{"position": {last(boss.all("execution", ""))}}, http.StatusBadRequest, "another topic or tenant")
	boss.refused("execution", url.Values{"folow": {"false"}}, http.StatusBadRequest, "folow")
	boss.refused("everything", nil, http.StatusNotFound, "no output topic")
}

// covers: observability §5
func TestOutputStreamTellsWhatWasDeletedBeforeItWasRead(t *testing.T) {
	c, o := streaming(t, func(cfg *server.Config) { cfg.Partitions, cfg.OutputRecords = 1, 6 })
	c.principal("boss", admin())
	c.publishes("default")
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	c.run("hello", "w0", "Ana")
	start := last(o.all("execution", ""))
	for n := range 10 {
		c.run("hello", fmt.Sprint("w", n+1), "Ana")
	}
	lines := o.all("execution", start)
	if g := lines[0].Gap; g == nil || g.Partition != 0 || g.First != 2 || g.Last != 15 {
		t.Fatalf("the first line is %+v", lines[0])
	}
	if got := records(lines); len(got) != 6 || got[0].Number != 16 || got[5].Number != 21 {
		t.Errorf("%+v", got)
	}
	if fresh := o.all("execution", ""); fresh[0].Gap != nil || len(records(fresh)) != 6 {
		t.Errorf("who begins anew is told %+v", fresh)
	}
}

// A stream that is open hears of what happens, at once; and one that nobody reads holds nobody up, not even the end.
//
// covers: observability §5
func TestOutputStreamFollows(t *testing.T) {
	c, o := streaming(t)
	c.principal("boss", admin())
	c.publishes("default")
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	stalled, err := net.Dial("tcp", o.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer stalled.Close()
	fmt.Fprintf(stalled, "GET /output/execution HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer boss\r\n\r\n", o.addr)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	resp := o.get(ctx, "execution", url.Values{"position": {"latest"}})
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	next := func() (line outputLine) {
		t.Helper()
		text, err := lines.ReadBytes('\n')
		if err != nil || json.Unmarshal(text, &line) != nil {
			t.Fatalf("%q %v", text, err)
		}
		return line
	}
	if first := next(); first.Position == "" {
		t.Fatalf("%+v", first)
	}
	big := strings.Repeat("x", 200_000)
	for n := range 50 { // ten megabytes, more than the connection of the stalled one can hold
		id := fmt.Sprint("w", n)
		c.run("hello", id, big)
		for found := false; !found; {
			l := next()
			found = l.Key == id && strings.Contains(string(l.Record), "TASK_SCHEDULED")
		}
	}
}

// Without authentication no page in a browser reads the stream by a name that leads to this machine.
func TestOutputStreamWithoutAuthenticationIsForThisMachine(t *testing.T) {
	c, o := streaming(t, func(cfg *server.Config) { cfg.Dashboard.Listener = "" })
	c.publishes("default")
	o.all("execution", "")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+o.addr+"/output/execution?follow=false", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close, req.Host = true, "evil.example.com:8080"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Error(resp.Status)
	}
}

// A reader that stops reading is cut off, whatever is left to send him, and leaves nothing behind; others go on.
func TestOutputReadersWhoStopAreCutOff(t *testing.T) {
	t.Parallel()
	c, boss := streaming(t)
	c.principal("boss", admin())
	c.publishes("default")
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	for n := range 20 {
		c.run("hello", fmt.Sprint("w", n), strings.Repeat("x", 900_000))
	}
	readers := func(n int) func() bool {
		return func() bool {
			return strings.Contains(c.scrape(), fmt.Sprintf("lh_output_readers{lh_cluster_id=\"cluster1\"} %d\n", n))
		}
	}
	const stopped = 3
	for range stopped {
		conn, err := net.Dial("tcp", boss.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "GET /output/execution HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer boss\r\n\r\n", boss.addr); err != nil {
			t.Fatal(err)
		}
	}
	c.until("they read", readers(stopped))
	if got := len(records(boss.all("execution", ""))); got < 40 {
		t.Errorf("another reader is given %d records", got)
	}
	c.until("they are cut off", readers(0))
}
