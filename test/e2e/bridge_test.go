package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	spb "google.golang.org/genproto/googleapis/rpc/status"

	"littlehorse/internal/dashboard"
	"littlehorse/internal/server"
	"littlehorse/lhpb"
	"littlehorse/test/ports"
)

// jsonConn calls RPCs over HTTP as JSON: an identity of the context becomes a token.
type jsonConn struct{ addr, at string }

// to is the same for what stands at another path.
func (j jsonConn) to(path string) jsonConn { return jsonConn{j.addr, path} }

func (j jsonConn) Close() error { return nil }

func (j jsonConn) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("there are no streams")
}

func (j jsonConn) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	body, err := protojson.Marshal(args.(proto.Message))
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/json"}, "X-Lh-Ui": {"1"}}
	said, _ := metadata.FromOutgoingContext(ctx)
	for _, tenant := range said.Get("tenantid") {
		header.Add("tenantId", tenant)
	}
	if who := said.Get(whoKey); len(who) > 0 {
		header.Set("Authorization", "Bearer "+who[len(who)-1])
	}
	if at, ok := ctx.Deadline(); ok {
		header.Set("Connect-Timeout-Ms", fmt.Sprint(max(1, time.Until(at).Milliseconds())))
	}
	// The server ends the call: it is to be seen how.
	code, _, text, err := j.post(context.WithoutCancel(ctx), method, header, string(body))
	if err != nil {
		return err
	}
	if code == http.StatusOK {
		return protojson.Unmarshal([]byte(text), reply.(proto.Message))
	}
	return refusalOf(code, text)
}

func (j jsonConn) post(ctx context.Context, path string, header http.Header, body string) (int, http.Header, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+j.addr+cmp.Or(j.at, "/api")+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, "", err
	}
	req.Header, req.Close = header, true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(text), err
}

// httpCodes are those of the unary protocol of Connect.
var httpCodes = map[codes.Code]int{
	codes.Canceled: 499, codes.InvalidArgument: 400, codes.DeadlineExceeded: 504, codes.NotFound: 404, codes.AlreadyExists: 409,
	codes.PermissionDenied: 403, codes.ResourceExhausted: 429, codes.FailedPrecondition: 400, codes.Aborted: 409, codes.OutOfRange: 400,
	codes.Unimplemented: 501, codes.Internal: 500, codes.Unavailable: 503, codes.DataLoss: 500, codes.Unauthenticated: 401, codes.Unknown: 500,
}

// refusalOf makes the status of a refusal.
func refusalOf(code int, text string) error {
	var said struct {
		Code, Message string
		Details       []struct{ Type, Value string }
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		return fmt.Errorf("%d %s: %w", code, text, err)
	}
	var c codes.Code
	if err := c.UnmarshalJSON([]byte(`"` + strings.Replace(strings.ToUpper(said.Code), "CANCELED", "CANCELLED", 1) + `"`)); err != nil {
		return err
	}
	if httpCodes[c] != code {
		return fmt.Errorf("%s has the status %d", said.Code, code)
	}
	s := &spb.Status{Code: int32(c), Message: said.Message}
	for _, d := range said.Details {
		value, err := base64.RawStdEncoding.DecodeString(d.Value)
		if err != nil {
			return err
		}
		s.Details = append(s.Details, &anypb.Any{TypeUrl: "type.googleapis.com/" + d.Type, Value: value})
	}
	return status.FromProto(s).Err()
}

// bridged starts a server whose RPCs can be called as JSON, by those whose token names them.
func bridged(t *testing.T, change ...func(*server.Config)) (*client, jsonConn) {
	t.Helper()
	s, stop := start(t, append([]func(*server.Config){withIdentities, func(cfg *server.Config) {
		cfg.Listeners = append(cfg.Listeners, server.Listener{Name: "TOKENS", AdvertisedHost: "localhost", Authenticator: bearers{}})
		cfg.Dashboard.BindHost, cfg.Dashboard.Listener = "127.0.0.1", "TOKENS"
		if _, err := fmt.Sscan(ports.Free(t), &cfg.Dashboard.Port); err != nil {
			t.Fatal(err)
		}
	}}, change...)...)
	t.Cleanup(stop)
	return connected(t, s), jsonConn{addr: s.DashboardAddr()}
}

// Whoever calls by JSON is answered as by gRPC, by every RPC, whatever is wrong with the call.
//
// covers: api §1.1; security §5; dashboard A.3 RPCs
func TestEveryRPCAnswersTheSameAsJSON(t *testing.T) {
	c, by := bridged(t)
	everyRPC(t, c, by)
}

// What is posted must be posted by a program or by a page of this server, and in the form of the protocol.
//
// covers: security §5; dashboard C.2 security
func TestJSONIsTakenFromOwnPagesAndProgramsOnly(t *testing.T) {
	c, by := bridged(t)
	c.principal("boss", admin())
	c.taskDef("greet")
	const get, body = "/GetTaskDef", `{"name": "greet"}`
	good := http.Header{"Content-Type": {"application/json"}, "X-Lh-Ui": {"1"}, "Authorization": {"Bearer boss"}}
	with := func(pairs ...string) http.Header {
		h := good.Clone()
		for i := 0; i < len(pairs); i += 2 {
			h.Del(pairs[i])
			if pairs[i+1] != "" {
				h.Set(pairs[i], pairs[i+1])
			}
		}
		return h
	}
	deep := strings.Repeat(`{"fields": {"a": {"value": {"struct": {"struct": `, 60) + "{}" + strings.Repeat("}}}}}", 60)
	for _, row := range []struct {
		name, path string
		header     http.Header
		body       string
		code       int
		words      string
	}{
		{"as it should be", get, good, body, 200, `"greet"`},
		{"with the service", "/littlehorse.LittleHorse/GetTaskDef", good, body, 200, `"greet"`},
		{"of our own service", "/ExplainWfRun", good, `{"wfRunId": {"id": "x"}}`, 404, "not_found"},
		{"of our own service by its name", "/littlehorse.extra.v1.ExtraService/ExplainWfRun", good, `{"wfRunId": {"id": "x"}}`, 404, "not_found"},
		{"of its own origin", get, with("Origin", "http://"+by.addr), body, 200, "greet"},
		{"of another origin", get, with("Origin", "http://evil.example.com"), body, 403, "permission_denied"},
		{"of no origin that can be told", get, with("Origin", "null"), body, 403, "permission_denied"},
		{"of another port", get, with("Origin", "http://127.0.0.1:1"), body, 403, "permission_denied"},
		{"a token is enough", get, with("X-LH-UI", ""), body, 200, "greet"},
		{"a client of Connect", get, with("X-LH-UI", "", "Authorization", "", "Connect-Protocol-Version", "1"), body, 401, "unauthenticated"},
		{"no sign at all", get, with("X-LH-UI", "", "Authorization", ""), body, 403, "Only pages of this server"},
		{"a form", get, with("Content-Type", "application/x-www-form-urlencoded"), body, 415, "application/json"},
		{"text", get, with("Content-Type", "text/plain"), body, 415, "application/json"},
		{"no type", get, with("Content-Type", ""), body, 415, "application/json"},
		{"a charset", get, with("Content-Type", "application/json; charset=UTF-8"), body, 200, "greet"},
		{"another charset", get, with("Content-Type", "application/json; charset=latin1"), body, 415, "UTF-8"},
		{"compressed", get, with("Content-Encoding", "gzip"), body, 415, "compressed"},
		{"a query", get + "?name=greet", good, body, 400, "query"},
		{"no RPC", "/GetTask", good, body, 404, "There is no RPC GetTask"},
		{"no service", "/a.B/GetTaskDef", good, body, 404, "There is no RPC"},
		{"a stream", "/PollTask", good, "{}", 501, "stream"},
		{"a stream by its service", "/littlehorse.LittleHorse/PollTask", good, "{}", 501, "unimplemented"},
		{"nothing", get, good, "", 400, "cannot be decoded"},
		{"no object", get, good, "[]", 400, "cannot be decoded"},
		{"a field that there is not", get, good, `{"name": "greet", "nmae": ""}`, 400, "nmae"},
		{"twice the same", get, good, `{"name": "a", "name": "b"}`, 400, "cannot be decoded"},
		{"no UTF-8", get, good, "{\"name\": \"\xff\"}", 400, "cannot be decoded"},
		{"deep", "/PutStructDef", good, `{"name": "a", "structDef": ` + deep + `}`, 400, "invalid_argument"},
		{"large for a record", get, good, `{"name": "` + strings.Repeat("x", 1_100_000) + `"}`, 429, "1047000"},
		{"large for the port", get, good, `{"name": "` + strings.Repeat("x", 5<<20) + `"}`, 429, "4194304"},
		{"unread when it may not", get, with("Authorization", "Bearer nobody"), `{`, 403, "there is no Principal"},
		{"another tenant", get, with("tenantId", "nowhere"), body, 403, "Tenant not allowed"},
		{"no time", get, with("Connect-Timeout-Ms", "soon"), body, 400, "Connect-Timeout-Ms"},
		{"too long a time", get, with("Connect-Timeout-Ms", "12345678901"), body, 400, "Connect-Timeout-Ms"},
		{"little time", "/AwaitWorkflowEvent", with("Connect-Timeout-Ms", "20"), `{"wfRunId": {"id": "x"}}`, 504, "deadline_exceeded"},
	} {
		code, header, text, err := by.post(c.ctx, row.path, row.header, row.body)
		if err != nil || code != row.code || !strings.Contains(text, row.words) {
			t.Errorf("%s: %d %s %v, want %d %s", row.name, code, text, err, row.code, row.words)
			continue
		}
		if header.Get("Content-Type") != "application/json" || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", row.name, header)
		}
		if (header.Get("WWW-Authenticate") != "") != (code == http.StatusUnauthorized) {
			t.Errorf("%s: %v", row.name, header)
		}
	}
	resp, err := http.Get("http://" + by.addr + "/api" + get)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != http.MethodPost {
		t.Error(resp.Status, resp.Header)
	}
	for name, word := range map[string]string{
		"Content-Security-Policy": "frame-ancestors 'none'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
	} {
		if !strings.Contains(resp.Header.Get(name), word) {
			t.Errorf("%s is %q", name, resp.Header.Get(name))
		}
	}
}

// Pages of the listed origins may call, listen and read what is answered, as browsers let them; those of others may not, and none is
// told that it may send cookies.
//
// covers: dashboard C.2 security
func TestPagesOfListedOriginsMayCall(t *testing.T) {
	const app = "https://app.example.com"
	c, by := bridged(t, func(cfg *server.Config) {
		cfg.Dashboard.Origins, cfg.Dashboard.OutputStream = []dashboard.Origin{app, "http://localhost:3000"}, true
	})
	c.principal("boss", admin())
	c.taskDef("greet")
	ask := func(method, path, body string, header ...string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+by.addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Close = true
		for i := 0; i < len(header); i += 2 {
			req.Header.Add(header[i], header[i+1])
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.Header.Get("Content-Type") == "text/event-stream" {
			return resp, ""
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(text)
	}
	const token = "Bearer boss"
	for _, row := range []struct {
		name, method, path, origin string
		header                     []string
		code                       int
		told                       string // Access-Control-Allow-Origin
	}{
		{"asks beforehand", "OPTIONS", "/api/GetTaskDef", app, []string{"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type,tenantid"}, 204, app},
		{"asks beforehand to listen", "OPTIONS", "/ui/v1/live?topic=runs", app, []string{"Access-Control-Request-Method", "GET"}, 204, app},
		{"asks beforehand, another one", "OPTIONS", "/api/GetTaskDef", "http://localhost:3000", []string{"Access-Control-Request-Method", "POST"}, 204, "http://localhost:3000"},
		{"is not listed", "OPTIONS", "/api/GetTaskDef", "https://evil.example.com", []string{"Access-Control-Request-Method", "POST"}, 405, ""},
		{"begins like one that is", "OPTIONS", "/api/GetTaskDef", app + ".evil.com", []string{"Access-Control-Request-Method", "POST"}, 405, ""},
		{"is of no origin", "OPTIONS", "/api/GetTaskDef", "null", []string{"Access-Control-Request-Method", "POST"}, 405, ""},
		{"asks nothing", "OPTIONS", "/api/GetTaskDef", app, nil, 405, app},
		{"is for logins", "OPTIONS", "/auth/logout", app, []string{"Access-Control-Request-Method", "POST"}, 405, ""},
		{"calls", "POST", "/api/GetTaskDef", app, []string{"Authorization", token}, 200, app},
		{"calls in a batch", "POST", "/ui/v1/batch", app, []string{"Authorization", token}, 400, app},
		{"is refused by its rights", "POST", "/api/GetTaskDef", app, []string{"Authorization", "Bearer nobody"}, 403, app},
		{"calls without a sign", "POST", "/api/GetTaskDef", app, nil, 403, app},
		{"calls and is not listed", "POST", "/api/GetTaskDef", "https://evil.example.com", []string{"Authorization", token}, 403, ""},
		{"calls by two names", "POST", "/api/GetTaskDef", app, []string{"Authorization", token, "Origin", "https://evil.example.com"}, 403, ""},
		{"calls by TLS only", "POST", "/api/GetTaskDef", "http://app.example.com", []string{"Authorization", token}, 403, ""},
		{"listens", "GET", "/ui/v1/live?topic=runs", app, []string{"Authorization", token}, 200, app},
		{"listens and is not listed", "GET", "/ui/v1/live?topic=runs", "https://evil.example.com", []string{"Authorization", token}, 403, ""},
		{"reads what is put out", "GET", "/output/execution", app, []string{"Authorization", token}, 404, app}, // there is none
		{"is of this server", "POST", "/api/GetTaskDef", "http://" + by.addr, []string{"Authorization", token}, 200, ""},
		{"reads the pages", "GET", "/", app, nil, 200, ""},
	} {
		resp, text := ask(row.method, row.path, `{"name": "greet"}`, append([]string{"Origin", row.origin, "Content-Type", "application/json"}, row.header...)...)
		if resp.StatusCode != row.code || resp.Header.Get("Access-Control-Allow-Origin") != row.told {
			t.Errorf("a page that %s: %s %q %s", row.name, resp.Status, resp.Header.Get("Access-Control-Allow-Origin"), text)
		}
		if resp.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("a page that %s may send cookies", row.name)
		}
		if varies := slices.Contains(resp.Header.Values("Vary"), "Origin"); row.path != "/" && !strings.HasPrefix(row.path, "/auth/") && !varies {
			t.Errorf("a page that %s: what is answered is kept for others", row.name)
		}
		if methods := resp.Header.Get("Access-Control-Allow-Methods"); (methods == "GET, POST") != (row.code == http.StatusNoContent) {
			t.Errorf("a page that %s: %q", row.name, methods)
		}
	}
	for _, name := range []string{"Authorization", "Content-Type", "tenantId", "X-LH-UI", "Last-Event-ID", "Connect-Protocol-Version", "Connect-Timeout-Ms"} {
		resp, _ := ask("OPTIONS", "/api/GetTaskDef", "", "Origin", app, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", name)
		if !slices.Contains(strings.Split(resp.Header.Get("Access-Control-Allow-Headers"), ", "), name) {
			t.Errorf("%s may not be sent: %v", name, resp.Header)
		}
	}
	_, by = bridged(t)
	if resp, _ := ask("POST", "/api/GetTaskDef", "{}", "Content-Type", "application/json", "Origin", app, "Authorization", token); resp.StatusCode != http.StatusForbidden || resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("a server without a list lets others in: ", resp.Status, resp.Header)
	}
}

// Who accepts text is given the reply in protobuf text, which says the same; a refusal stays JSON.
//
// covers: dashboard C.3 export
func TestRepliesAreToldAsText(t *testing.T) {
	c, by := bridged(t)
	c.principal("boss", admin())
	description := "says: \"hello\"\n  to:    whom it knows: yes"
	want := must(c.PutTaskDef(c.ctx, &lhpb.PutTaskDefRequest{Name: "greet", Description: &description, InputVars: []*lhpb.VariableDef{{Name: "name", TypeDef: strType()}}}))(c)
	header := http.Header{"Content-Type": {"application/json"}, "X-Lh-Ui": {"1"}, "Authorization": {"Bearer boss"}, "Accept": {"text/plain; charset=utf-8"}}
	code, got, text, err := by.post(c.ctx, "/GetTaskDef", header, `{"name": "greet"}`)
	if err != nil || code != 200 || got.Get("Content-Type") != "text/plain" {
		t.Fatal(code, got, text, err)
	}
	def := &lhpb.TaskDef{}
	if err := prototext.Unmarshal([]byte(text), def); err != nil || !proto.Equal(def, want) {
		t.Error(text, err)
	}
	if !strings.HasPrefix(text, "id: {\n  name: \"greet\"\n}\n") {
		t.Errorf("spaces vary: %q", text)
	}
	if code, got, text, err = by.post(c.ctx, "/GetTaskDef", header, `{"name": "nope"}`); err != nil || code != 404 || got.Get("Content-Type") != "application/json" || !strings.Contains(text, "not_found") {
		t.Error(code, got, text, err)
	}
}

// Quotas and metrics count calls by JSON as all others.
//
// covers: api §1.1
func TestJSONCallsCount(t *testing.T) {
	c, by := bridged(t)
	c.principal("boss", admin())
	c.taskFlow("hello", c.taskDef("greet").Id.Name)
	must(c.PutQuota(c.ctx, &lhpb.PutQuotaRequest{Tenant: &lhpb.TenantId{Id: "default"}, WriteRequestsPerSecond: 1}))(c)
	boss := *c.who("boss")
	boss.LittleHorseClient = lhpb.NewLittleHorseClient(by)
	refused := error(nil)
	for n := 0; refused == nil && n < 1000; n++ {
		_, refused = boss.RunWf(boss.ctx, &lhpb.RunWfRequest{WfSpecName: "hello", Variables: map[string]*lhpb.VariableValue{"name": str("Ana")}})
	}
	c.refused(refused, codes.ResourceExhausted)
	if len(status.Convert(refused).Details()) != 1 {
		t.Errorf("%v does not say when to come back", refused)
	}
	var counted bytes.Buffer
	for line := range strings.Lines(c.scrape()) {
		if strings.Contains(line, "RunWf") && strings.Contains(line, "RESOURCE_EXHAUSTED") {
			counted.WriteString(line)
		}
	}
	if counted.Len() == 0 {
		t.Error("the refusal is not counted")
	}
}

// The pages are in the binary: every address is one of them but those of files, and what is stored compressed is given to
// everybody.
//
// covers: security §5; dashboard C.2 security
func TestPagesAreServed(t *testing.T) {
	_, by := bridged(t)
	get := func(method, path string, header http.Header) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+by.addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header, req.Close = header, true
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(text)
	}
	plain := http.Header{"Accept-Encoding": {"identity"}}
	_, index := get(http.MethodGet, "/", plain)
	for _, path := range []string{"/default/runs", "/default/runs/a/b?tab=json", "/index.html", "/..%2f..%2fgo.mod", "/assetsx/none"} {
		resp, text := get(http.MethodGet, path, plain)
		if resp.StatusCode != http.StatusOK || text != index || resp.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %s %v", path, resp.Status, resp.Header)
		}
		csp := resp.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'self'") || strings.Contains(csp, "script-src") {
			t.Errorf("%s: %s", path, csp)
		}
	}
	_, from, _ := strings.Cut(index, `src="`)
	script, _, _ := strings.Cut(from, `"`)
	packed, small := get(http.MethodGet, script, http.Header{"Accept-Encoding": {"br, gzip"}})
	whole, text := get(http.MethodGet, script, plain)
	if packed.Header.Get("Content-Encoding") != "gzip" || whole.Header.Get("Content-Encoding") != "" || len(small) >= len(text) {
		t.Errorf("%v %v", packed.Header, whole.Header)
	}
	if !strings.Contains(whole.Header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(whole.Header.Get("Content-Type"), "text/javascript") {
		t.Errorf("%v", whole.Header)
	}
	if again, _ := get(http.MethodGet, script, http.Header{"If-None-Match": {whole.Header.Get("ETag")}}); again.StatusCode != http.StatusNotModified {
		t.Error(again.Status)
	}
	if head, text := get(http.MethodHead, script, plain); head.StatusCode != http.StatusOK || text != "" {
		t.Error(head.Status)
	}
	for path, code := range map[string]int{"/assets/none.js": 404, "/ui/none": 404, "/output/execution": 404, "/api/": 404} {
		if resp, _ := get(http.MethodGet, path, plain); resp.StatusCode != code {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	if resp, _ := get(http.MethodPost, "/default/runs", plain); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Error(resp.Status)
	}
}

// A page makes many calls in one request; each is judged as if it had come alone.
func TestBatchesOfCalls(t *testing.T) {
	c, by := bridged(t)
	c.principal("boss", admin())
	c.principal("some", acls(acl(lhpb.ACLAction_READ, lhpb.ACLResource_ACL_TASK)))
	c.taskDef("greet")
	post := func(who, body string) (int, string) {
		t.Helper()
		header := http.Header{"Content-Type": {"application/json"}, "X-Lh-Ui": {"1"}, "Authorization": {"Bearer " + who}}
		code, _, text, err := by.to("/ui").post(c.ctx, "/v1/batch", header, body)
		if err != nil {
			t.Fatal(err)
		}
		return code, text
	}
	const calls = `{"calls": [{"rpc": "GetTaskDef", "request": {"name": "greet"}}, {"rpc": "SearchWfRun", "request": {}},
		{"rpc": "Nothing"}, {"rpc": "PollTask", "request": {}}, {"rpc": "GetTaskDef", "request": {"nmae": ""}}, {"rpc": "GetWfRun"}]}`
	for who, want := range map[string][]string{
		"boss": {"reply", "reply", "unimplemented", "unimplemented", "invalid_argument", "invalid_argument"},
		"some": {"reply", "permission_denied", "unimplemented", "unimplemented", "invalid_argument", "permission_denied"},
	} {
		code, text := post(who, calls)
		var said struct {
			Answers []struct {
				Reply json.RawMessage
				Error struct{ Code string }
			}
		}
		if err := json.Unmarshal([]byte(text), &said); err != nil || code != http.StatusOK || len(said.Answers) != len(want) {
			t.Fatalf("%d %s %v", code, text, err)
		}
		for i, a := range said.Answers {
			got := a.Error.Code
			if a.Reply != nil {
				got = "reply"
			}
			if got != want[i] {
				t.Errorf("%s, call %d: %s, want %s", who, i, got, want[i])
			}
		}
	}
	for _, of := range []string{calls, `[`} { // of whom the server does not know it reads nothing
		if code, text := post("nobody", of); code != http.StatusForbidden || !strings.Contains(text, "permission_denied") {
			t.Errorf("nobody: %d %s", code, text)
		}
	}
	for _, bad := range []string{``, `[]`, `{"call": []}`, `{"calls": [` + strings.Repeat(`{"rpc": "Whoami"},`, 100) + `{"rpc": "Whoami"}]}`} {
		if code, text := post("boss", bad); code != http.StatusBadRequest {
			t.Errorf("%.30s: %d %.200s", bad, code, text)
		}
	}
}
