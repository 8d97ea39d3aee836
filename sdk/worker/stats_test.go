package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
	"littlehorse/sdk/worker"
)

func got(t *testing.T, from http.Handler) (code int, body string) {
	t.Helper()
	answer := httptest.NewRecorder()
	from.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Code, string(text)
}

// What a worker has done is counted by task and outcome, for programs and for Prometheus.
func TestAWorkerIsMeasured(t *testing.T) {
	c := newCluster()
	_, port := c.listen(t, 0)
	c.assign(port)
	waits, release := make(chan struct{}), make(chan struct{})
	work := task.New1("work", func(_ context.Context, how string) (wf.None, error) {
		switch how {
		case "fails":
			return wf.None{}, errors.New("no")
		case "declines":
			return wf.None{}, lh.Exception("declined", "no")
		case "waits":
			close(waits)
			<-release
		}
		return wf.None{}, nil
	}, task.Params("how"))
	client := dial(t, port)
	if err := client.Register(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	w := worker.New(client, worker.MaxConcurrent(4), worker.Logger(slog.New(slog.DiscardHandler))).Add(work)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	for i, how := range []string{"well", "well", "fails", "declines"} {
		c.schedule(scheduled("work", strconv.Itoa(i), how))
		c.report(t, strconv.Itoa(i))
	}
	c.schedule(scheduled("work", "waits", "waits"))
	<-waits

	s := w.Stats()["work"]
	if s.Ended[lhpb.TaskStatus_TASK_SUCCESS] != 2 || s.Ended[lhpb.TaskStatus_TASK_FAILED] != 1 || s.Ended[lhpb.TaskStatus_TASK_EXCEPTION] != 1 || s.Lost != 0 || s.Running != 1 {
		t.Errorf("%+v", s)
	}
	_, text := got(t, w.MetricsHandler())
	for _, line := range []string{
		"lh_worker_healthy 1", "lh_worker_slots 4", `lh_worker_tasks_running{task_def="work"} 1`,
		`lh_worker_tasks_total{task_def="work",status="TASK_SUCCESS"} 2`, `lh_worker_tasks_total{task_def="work",status="TASK_FAILED"} 1`,
		`lh_worker_tasks_total{task_def="work",status="TASK_EXCEPTION"} 1`, `lh_worker_results_lost_total{task_def="work"} 0`,
		`lh_worker_task_seconds_bucket{task_def="work",le="+Inf"} 4`, `lh_worker_task_seconds_count{task_def="work"} 4`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no %s in\n%s", line, text)
		}
	}
	if problems, err := promlint.New(strings.NewReader(text)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v in\n%s", problems, err, text)
	}
	if code, body := got(t, w.HealthHandler()); code != http.StatusOK || !json.Valid([]byte(body)) || !strings.Contains(body, `"healthy":true`) {
		t.Errorf("%d %s", code, body)
	}
	close(release)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
