package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/lhpb"
	"littlehorse/test/ports"
)

func testConfig(t *testing.T) Config {
	c := DefaultConfig()
	c.StateDir = t.TempDir()
	c.BindHost = "127.0.0.1"
	c.Partitions = 2
	c.Listeners[0].Port, c.Health.Port, c.Dashboard.Port = 0, 0, 0
	c.StoreMemoryBytes = 8 << 20
	c.ShutdownTimeout = 10 * time.Second
	return c
}

func start(t *testing.T, c Config) *Server {
	t.Helper()
	s, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func TestServerAnswersOnAllItsPorts(t *testing.T) {
	c := testConfig(t)
	c.Listeners = []Listener{{Name: "A", AdvertisedHost: "localhost"}, {Name: "B"}}
	c.PprofPort = freePort(t)
	s := start(t, c)
	for _, name := range []string{"A", "B"} {
		conn, err := grpc.NewClient(s.Addr(name), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		client := lhpb.NewLittleHorseClient(conn)
		if _, err := client.GetServerVersion(t.Context(), &emptypb.Empty{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err = client.RegisterTaskWorker(t.Context(), &lhpb.RegisterTaskWorkerRequest{TaskWorkerId: "w", TaskDefId: &lhpb.TaskDefId{Name: "greet"}})
		if name == "A" && err != nil || name == "B" && (err == nil || !strings.Contains(err.Error(), "Unknown listener name B")) {
			t.Errorf("%s: %v", name, err)
		}
		_ = conn.Close()
	}
	if code, body := get(t, "http://"+s.HealthAddr()+"/readiness"); code != 200 || body != "OK!" {
		t.Errorf("%d %s", code, body)
	}
	_, metrics := get(t, "http://"+s.HealthAddr()+"/metrics")
	for _, line := range []string{
		`lh_commands_processed_total{lh_cluster_id="cluster1",type="core"} 1`,
		`lh_commands_processed_total{lh_cluster_id="cluster1",type="metadata"} 0`,
		`lh_cache_size{cache_name="metadata",lh_cluster_id="cluster1"} 2`,
		`lh_subcommands_processed_total{lh_cluster_id="cluster1",type="TASK_WORKER_HEART_BEAT"} 1`,
		`active_tasks_count_core{lh_cluster_id="cluster1"} 2`,
		`active_tasks_count_global{lh_cluster_id="cluster1"} 1`,
		`standby_partitions{instance_id="",lh_cluster_id="cluster1",store_name="core-store"} 0`,
		`kafka_streams_lag_standby_store{instance_id="",lh_cluster_id="cluster1",store_name="core-store"} 0`,
		`lh_build_info{commit="unknown",go_version="` + runtime.Version() + `",lh_cluster_id="cluster1",version="1.3.0"} 1`,
		`lh_connections{lh_cluster_id="cluster1",listener="A"} `,
		`lh_refused_total{lh_cluster_id="cluster1",reason="quota"} 0`,
		`statusCode="INVALID_ARGUMENT"} 1`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("no line %s", line)
		}
	}
	if code, _ := get(t, "http://"+s.pprof.addr()+"/debug/pprof/goroutine"); code != 200 {
		t.Errorf("pprof answers %d", code)
	}
	http.DefaultClient.CloseIdleConnections()
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := strconv.Atoi(ports.Free(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// The health port answers before the store is open: a server that replays a long log is alive, and not ready.
// covers: operations §1; operations §3
func TestHealthComesBeforeTheStore(t *testing.T) {
	c := testConfig(t)
	s := newServer(c)
	if err := errors.Join(s.openPorts(t.Context()), s.serveHealth(t.Context())); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/liveness": "200 OK!", "/readiness": "500 CREATED", "/standby-status": "200 {}", "/diskUsage": `200 {"diskUsageBytes":0}`,
	} {
		if code, body := get(t, "http://"+s.HealthAddr()+path); fmt.Sprint(code, " ", body) != want {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	if code, body := get(t, "http://"+s.HealthAddr()+"/status"); code != 200 || !strings.Contains(body, `"coreState":"CREATED"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := get(t, "http://"+s.HealthAddr()+"/metrics"); code != 200 || !strings.Contains(body, "go_goroutines") {
		t.Errorf("%d %s", code, body)
	}
	s.state.Store(stateStopped)
	for _, path := range []string{"/liveness", "/readiness"} {
		if code, body := get(t, "http://"+s.HealthAddr()+path); code != 500 || body != stateStopped {
			t.Errorf("%s of a stopped server: %d %s", path, code, body)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	stop(t, s)
}

// A call that comes while the store opens waits for its answer.
// covers: operations §1
func TestCallsWaitForTheStart(t *testing.T) {
	s := newServer(testConfig(t))
	steps := s.steps()
	if err := steps[0](t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(s.Addr("PLAIN"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	called := make(chan error, 1)
	go func() {
		_, err := lhpb.NewLittleHorseClient(conn).GetServerVersion(context.Background(), &emptypb.Empty{})
		called <- err
	}()
	for is := conn.GetState(); is != connectivity.Connecting; is = conn.GetState() {
		conn.WaitForStateChange(t.Context(), is)
	}
	for _, step := range steps[1:] {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-called; err != nil {
		t.Error(err)
	}
	_ = conn.Close()
	stop(t, s)
}

// A start that fails leaves nothing open: neither port nor store nor goroutine.
func TestFailedStartLeavesNothingBehind(t *testing.T) {
	c := testConfig(t)
	s := start(t, c)
	if _, err := Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), "another server") {
		t.Errorf("a second server on the same store: %v", err)
	}
	taken := testConfig(t)
	taken.Health.Port = s.health.net.Addr().(*net.TCPAddr).Port
	if _, err := Start(t.Context(), taken); err == nil || !strings.Contains(err.Error(), "health port") {
		t.Errorf("a taken port: %v", err)
	}
	stop(t, s)
	other := c
	other.Partitions = 3
	if _, err := Start(t.Context(), other); err == nil || !strings.Contains(err.Error(), "partitions") {
		t.Errorf("another number of partitions: %v", err)
	}
	start(t, c)
}

func TestStartOfManyPartitions(t *testing.T) {
	c := testConfig(t)
	c.Partitions = 12
	start(t, c)
}
