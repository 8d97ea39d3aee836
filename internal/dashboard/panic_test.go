package dashboard

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/internal/api"
)

// A call of a batch that panics is answered as one that has failed: its goroutine is nobody else's, and would end the server.
func TestPanicsAreAnswers(t *testing.T) {
	var log bytes.Buffer
	h := newTestHandler(1, DefaultRoomBytes)
	h.Log = slog.New(slog.NewTextHandler(&log, nil))
	r := httptest.NewRequest(http.MethodPost, "/ui/v1/batch", nil)
	_, err := h.do(r, &api.Call{Name: "littlehorse.LittleHorse/RunWf"}, nil, asJSON, nil) // nobody asks it so
	if status.Code(err) != codes.Internal || !strings.Contains(log.String(), "littlehorse.LittleHorse/RunWf") {
		t.Errorf("%v, and the log says %s", err, log.String())
	}
}
