package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"littlehorse/internal/server"
	"littlehorse/lhpb"
)

// issuer introspects tokens: those that it knows are a worker's until they expire.
type issuer struct {
	mu      sync.Mutex
	expires map[string]time.Time
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	end, known := i.expires[r.FormValue("token")]
	_ = json.NewEncoder(w).Encode(map[string]any{"active": known, "scope": "lh", "client_id": "worker", "exp": end.Unix()})
}

func (i *issuer) issue(token string, end time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.expires[token] = end
}

// A worker's stream ends with the token with which it was opened: what was claimed for it arrives, and with a new token it
// goes on.
func TestStreamsEndWithTheirToken(t *testing.T) {
	t.Parallel()
	tokens := &issuer{expires: map[string]time.Time{}}
	at := httptest.NewServer(tokens)
	defer at.Close()
	c := inProcess(t, func(cfg *server.Config) {
		cfg.Listeners = append(cfg.Listeners, server.Listener{Name: "TOKENS", Authentication: server.ByToken})
		cfg.OAuth.IntrospectURL, cfg.OAuth.ClientID, cfg.OAuth.ClientSecret = at.URL, "lh", "secret"
	})
	c.principal("worker", acls(acl(lhpb.ACLAction_ALL_ACTIONS, lhpb.ACLResource_ACL_TASK)))
	c.taskDef("greet")
	c.timeout = 2 // of a task that a token did not live to see
	c.taskFlow("hello", "greet")
	worker := dial(t, c.listener("TOKENS"))
	with := func(token string, end time.Time) lhpb.LittleHorse_PollTaskClient {
		tokens.issue(token, end)
		stream := must(worker.PollTask(metadata.AppendToOutgoingContext(c.ctx, "authorization", "Bearer "+token)))(c)
		_ = stream.Send(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: "greet"}, ClientId: "w"}) // Recv says why not
		return stream
	}
	c.run("hello", "first", "x")
	var brief lhpb.LittleHorse_PollTaskClient
	var task *lhpb.PollTaskResponse
	err := status.Error(codes.Unauthenticated, "")
	for life := 5 * time.Second; status.Code(err) == codes.Unauthenticated; life *= 2 { // as long as a slow machine needs
		brief = with(fmt.Sprint("brief-", life), time.Now().Add(life))
		task, err = brief.Recv()
	}
	if must(task, err)(c).Result.TaskRunId.WfRunId.Id != "first" {
		t.Errorf("got %v", task)
	}
	_, err = brief.Recv()
	if c.refused(err, codes.Unauthenticated, "not active"); errors.Is(err, io.EOF) {
		t.Error("the worker is not told why")
	}
	c.run("hello", "second", "x") // or the second attempt of the first task
	if task := must(with("late", time.Now().Add(time.Hour)).Recv())(c); task.Result == nil {
		t.Errorf("got %v", task)
	}
}
