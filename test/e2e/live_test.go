package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"littlehorse/lhpb"
)

// liveEvent is one that a page is sent.
type liveEvent struct {
	id, name string
	data     struct {
		Topic         string
		What          []string
		Code, Message string
	}
}

// liveStream reads events.
type liveStream struct {
	t    *testing.T
	id   string // of the last event that had one
	resp *http.Response
	from *bufio.Scanner
}

// listen opens a live stream as somebody.
func (j jsonConn) listen(t *testing.T, who, position string, topics ...string) *liveStream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+j.addr+"/ui/v1/live?"+url.Values{"topic": topics}.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header, req.Close = http.Header{"X-Lh-Ui": {"1"}, "Authorization": {"Bearer " + who}, "Last-Event-Id": {position}}, true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return &liveStream{t: t, resp: resp, from: bufio.NewScanner(resp.Body)}
}

// next is the next event.
func (s *liveStream) next() (e liveEvent) {
	s.t.Helper()
	for s.from.Scan() {
		field, text, _ := strings.Cut(s.from.Text(), ": ")
		switch field {
		case "id":
			e.id, s.id = text, text
		case "event":
			e.name = text
		case "data":
			if err := json.Unmarshal([]byte(text), &e.data); err != nil {
				s.t.Fatal(err)
			}
		}
		if s.from.Text() == "" && e.name != "" {
			return e
		}
	}
	s.t.Fatal("the stream has ended: ", s.from.Err())
	return e
}

// until reads events to one of a topic with an aspect.
func (s *liveStream) until(topic, what string) {
	s.t.Helper()
	for {
		if e := s.next(); e.data.Topic == topic && (e.name == what || slices.Contains(e.data.What, what)) {
			return
		}
	}
}

// A page is told of what happens as it happens, and misses nothing of it while it is away.
//
// covers: dashboard C.5
func TestPagesAreToldOfChanges(t *testing.T) {
	c, by := bridged(t)
	c.principal("boss", admin())
	c.taskFlow("hello", c.taskDef("greet").Id.Name)
	own := by.listen(t, "boss", "", "run:a", "runs", "task:greet")
	if e := own.next(); e.name != "open" || e.id == "" || own.resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%v %v", e, own.resp.Header)
	}
	c.run("hello", "a", "Ana")
	own.until("run:a", "nodes")
	position := own.id
	_ = own.resp.Body.Close()
	c.worker("greet", greet)
	c.ends("a")
	again := by.listen(t, "boss", position, "run:a")
	again.until("run:a", "tasks")
	_ = again.resp.Body.Close()

	header := http.Header{"Content-Type": {"application/json"}, "X-Lh-Ui": {"1"}, "Authorization": {"Bearer boss"}}
	_, _, text, err := by.to("/ui").post(c.ctx, "/v1/batch", header, `{"calls": [{"rpc": "GetWfRun", "request": {"id": "b"}}], "topics": ["run:b"]}`)
	var said struct{ Position string }
	if err != nil || json.Unmarshal([]byte(text), &said) != nil || said.Position == "" {
		t.Fatal(text, err)
	}
	c.run("hello", "b", "Bo")
	c.ends("b")
	by.listen(t, "boss", said.Position, "run:b").until("run:b", "run")
	by.listen(t, "boss", "0123.1", "run:b").until("run:b", "reset")
}

// Who listens is judged as who calls, and by the tenant that he names.
//
// covers: security §5
func TestWhoMayListen(t *testing.T) {
	c, by := bridged(t)
	c.principal("boss", admin())
	c.principal("some", acls(acl(lhpb.ACLAction_READ, lhpb.ACLResource_ACL_TASK)))
	for _, row := range []struct {
		who, topic string
		code       codes.Code
	}{
		{"boss", "runs", codes.OK},
		{"some", "task:greet", codes.OK},
		{"some", "runs", codes.PermissionDenied},
		{"nobody", "runs", codes.PermissionDenied},
		{"boss", "walks", codes.InvalidArgument},
	} {
		s := by.listen(t, row.who, "", row.topic)
		if code := s.resp.StatusCode; code != statusOf(row.code) {
			t.Errorf("%s, %s: %d", row.who, row.topic, code)
		}
		_ = s.resp.Body.Close()
	}
	resp, err := http.Get("http://" + by.addr + "/ui/v1/live?topic=runs")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Error("a page of another site may listen: ", resp.Status)
	}
	c.tenant("bank")
	c.taskFlow("hello", c.taskDef("greet").Id.Name)
	bank := c.as("bank")
	bank.taskFlow("hello", bank.taskDef("greet").Id.Name)
	own := by.listen(t, "boss", "", "run:theirs", "run:ours")
	own.next()
	bank.run("hello", "theirs", "Bo")
	c.run("hello", "ours", "Ana")
	if e := own.next(); e.data.Topic != "run:ours" {
		t.Error(e)
	}
}

func statusOf(c codes.Code) int {
	if c == codes.OK {
		return http.StatusOK
	}
	return httpCodes[c]
}
