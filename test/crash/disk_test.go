package crash

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/lhpb"
	"littlehorse/test/chain"
	"littlehorse/test/lhserver"
)

// smallDisk mounts a small file system where nobody else sees it and returns its folder. It lives until the test
// ends, whatever happens to the servers on it.
func smallDisk(t *testing.T, mib int) string {
	t.Helper()
	const refused = "this test did not run: it needs unshare (util-linux) and user namespaces to mount a file system of its own: "
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Fatal(refused, err)
	}
	dir := t.TempDir()
	cmd := exec.Command(unshare, "-Urm", "sh", "-c", fmt.Sprintf("mount -t tmpfs -o size=%dm,mode=700 none '%s' && echo mounted && exec sleep infinity", mib, dir))
	said := &strings.Builder{}
	cmd.Stderr = said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(refused, err)
	}
	t.Cleanup(func() { killGroup(cmd) })
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "mounted\n" {
		_ = cmd.Wait()
		t.Fatal(refused, said)
	}
	inside := fmt.Sprintf("/proc/%d/root%s", cmd.Process.Pid, dir)
	if err := os.WriteFile(filepath.Join(inside, "probe"), nil, 0o600); err != nil {
		t.Fatal(refused, err)
	}
	return inside
}

func killGroup(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait()
}

// fullDisk is a small file system on which somebody else takes as much as it takes to leave little. How much is free
// changes without the test, as the store compacts; so whoever wants to see a state of it holds it until it is seen.
type fullDisk struct {
	dir  string
	free int64 // to be left
}

const (
	diskMiB    = 256
	reserveMiB = 64
	scarceMiB  = 56
	noneMiB    = 20
)

// hold takes space, or gives some back, until so much is left.
func (d *fullDisk) hold(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(d.dir, "hog"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var now syscall.Statfs_t
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		err = syscall.Statfs(d.dir, &now)
	}
	surplus := int64(now.Bavail)*now.Bsize - d.free
	if err == nil && surplus < 0 {
		err = f.Truncate(max(0, size+surplus))
	}
	for block := make([]byte, 64<<10); err == nil && surplus > 0; {
		var n int
		n, err = f.Write(block[:min(surplus, int64(len(block)))])
		surplus -= int64(n)
	}
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// until holds the disk where it should be until it is seen.
func (d *fullDisk) until(t *testing.T, what string, seen func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !seen(); {
		if time.Now().After(end) {
			t.Fatalf("not seen in a minute: %s", what)
		}
		d.hold(t)
	}
}

// refuses waits for RESOURCE_EXHAUSTED with the words, and with a time to try again or without.
func (d *fullDisk) refuses(t *testing.T, what string, call func() error, words string, again bool) {
	t.Helper()
	d.until(t, what+" refused: "+words, func() bool {
		s := status.Convert(call())
		if s.Code() != codes.OK && s.Code() != codes.ResourceExhausted {
			t.Fatalf("%s: %v", what, s.Err())
		}
		retry := slices.ContainsFunc(s.Details(), func(d any) bool { _, is := d.(*errdetails.RetryInfo); return is })
		return s.Code() == codes.ResourceExhausted && strings.Contains(s.Message(), words) && retry == again
	})
}

// takes waits until the call is not refused for want of space.
func (d *fullDisk) takes(t *testing.T, what string, call func() error) {
	t.Helper()
	d.until(t, what, func() bool {
		err := call()
		if err != nil && status.Code(err) != codes.ResourceExhausted {
			t.Fatalf("%s: %v", what, err)
		}
		return err == nil
	})
}

// shows waits until the health port says how much room there is, and that nobody should restart the server for it.
func (d *fullDisk) shows(t *testing.T, s *lhserver.Server, room string, metric int) {
	t.Helper()
	d.until(t, "room "+room, func() bool {
		for _, path := range []string{"/liveness", "/readiness"} {
			if body := s.Told(t, path); body != "OK!" {
				t.Errorf("%s: %s", path, body)
			}
		}
		return strings.Contains(s.Told(t, "/diskUsage"), fmt.Sprintf(`"diskRoom":%q`, room)) &&
			strings.Contains(s.Told(t, "/metrics"), fmt.Sprintf("lh_disk_room{lh_cluster_id=\"cluster1\"} %d\n", metric))
	})
}

// parcels are WfRuns with a large variable each, of which the server acknowledged some.
type parcels struct {
	client lhpb.LittleHorseClient

	mu    sync.Mutex
	next  int
	acked []string
}

const parcelBytes = 200_000

func (p *parcels) register(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	if _, err := p.client.PutTaskDef(ctx, &lhpb.PutTaskDefRequest{Name: "step"}); err != nil {
		t.Fatal(err)
	}
	_, err := p.client.PutWfSpec(ctx, &lhpb.PutWfSpecRequest{
		Name: "parcel", EntrypointThreadName: "main",
		ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": {
			Nodes: map[string]*lhpb.Node{
				"0-entrypoint-ENTRYPOINT": {Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}, OutgoingEdges: chain.Edge("1-step-TASK")},
				"1-step-TASK": {
					Node:          &lhpb.Node_Task{Task: &lhpb.TaskNode{TaskToExecute: &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: "step"}}, TimeoutSeconds: 3600}},
					OutgoingEdges: chain.Edge("2-exit-EXIT"),
				},
				"2-exit-EXIT": {Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}},
			},
			VariableDefs: []*lhpb.ThreadVarDef{{VarDef: &lhpb.VariableDef{Name: "content", TypeDef: &lhpb.TypeDefinition{
				DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: lhpb.VariableType_STR},
			}}}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// send runs one more.
func (p *parcels) send(ctx context.Context) error {
	content := make([]byte, parcelBytes/2)
	rand.Read(content) // never fails
	p.mu.Lock()
	p.next++
	id := fmt.Sprintf("parcel-%d", p.next)
	p.mu.Unlock()
	_, err := p.client.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "parcel", Id: &id, Variables: map[string]*lhpb.VariableValue{
		"content": {Value: &lhpb.VariableValue_Str{Str: hex.EncodeToString(content)}},
	}})
	if err == nil {
		p.mu.Lock()
		p.acked = append(p.acked, id)
		p.mu.Unlock()
	}
	return err
}

// there wants every acknowledged run, with its variable, and as many by search.
func (p *parcels) there(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range p.acked {
		v, err := p.client.GetVariable(t.Context(), &lhpb.VariableId{WfRunId: &lhpb.WfRunId{Id: id}, Name: "content"})
		if err != nil || len(v.GetValue().GetStr()) != parcelBytes {
			t.Errorf("run %s was acknowledged: %v", id, err)
		}
	}
	found := map[string]bool{}
	for page := (&lhpb.WfRunIdList{}); ; {
		var err error
		page, err = p.client.SearchWfRun(t.Context(), &lhpb.SearchWfRunRequest{WfSpecName: "parcel", Bookmark: page.Bookmark})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range page.GetResults() {
			found[id.GetId()] = true
		}
		if page.Bookmark == nil {
			break
		}
	}
	for _, id := range p.acked {
		if !found[id] {
			t.Errorf("run %s was acknowledged and is not found", id)
		}
	}
}

// complete lets a worker do a task as soon as there is room for what it means, and gives the run that ends so.
func (p *parcels) complete(t *testing.T, d *fullDisk) (id *lhpb.WfRunId) {
	t.Helper()
	report := p.take(t)
	d.takes(t, "ReportTask", func() error { _, err := p.client.ReportTask(t.Context(), report); return err })
	id = report.GetTaskRunId().GetWfRunId()
	run, err := p.client.GetWfRun(t.Context(), id)
	if err != nil || run.GetStatus() != lhpb.LHStatus_COMPLETED {
		t.Errorf("%s, %v", run.GetStatus(), err)
	}
	return id
}

// take claims a task and gives the report of it, which is not sent.
func (p *parcels) take(t *testing.T) *lhpb.ReportTaskRun {
	t.Helper()
	stream, err := p.client.PollTask(t.Context())
	if err == nil {
		err = stream.Send(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: "step"}, ClientId: "crash"})
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return &lhpb.ReportTaskRun{
		TaskRunId: got.GetResult().GetTaskRunId(), Status: lhpb.TaskStatus_TASK_SUCCESS,
		Result: &lhpb.ReportTaskRun_Output{Output: &lhpb.VariableValue{}},
	}
}

func diskSettings(everyMs int) []string {
	return []string{
		"LHS_CLUSTER_PARTITIONS=2", "LHS_STORE_MEMORY_BYTES=8388608",
		fmt.Sprintf("LHS_X_DISK_RESERVE_BYTES=%d", reserveMiB<<20), fmt.Sprintf("LHS_X_DISK_CHECK_MS=%d", everyMs),
	}
}

// TestFullDisk fills a small disk with acknowledged runs until nothing new is begun: what runs can end, all is
// readable. Then somebody else takes more of it, and nothing is written any more. As space returns the server goes
// on by itself.
func TestFullDisk(t *testing.T) {
	d := &fullDisk{dir: smallDisk(t, diskMiB)}
	s := lhserver.New(t, filepath.Join(d.dir, "data"), diskSettings(50)...)
	s.Start(t)
	conn := s.Dial(t)
	defer conn.Close()
	p := &parcels{client: lhpb.NewLittleHorseClient(conn)}
	p.register(t)
	send := func() error { return p.send(t.Context()) }
	d.free = 2 * reserveMiB << 20 // it is to be full long before the runs take most of it
	d.hold(t)
	for {
		if err := send(); status.Code(err) == codes.ResourceExhausted {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	p.there(t)

	d.free = scarceMiB << 20
	d.shows(t, s, "scarce", 1)
	d.refuses(t, "RunWf", send, "nearly full", false)
	d.refuses(t, "PutTaskDef", func() error {
		_, err := p.client.PutTaskDef(t.Context(), &lhpb.PutTaskDefRequest{Name: "other"})
		return err
	}, "nearly full", false)
	for range 10 {
		p.complete(t, d)
	}
	ended := p.complete(t, d)
	d.takes(t, "DeleteWfRun", func() error {
		_, err := p.client.DeleteWfRun(t.Context(), &lhpb.DeleteWfRunRequest{Id: ended})
		return err
	})
	p.acked = slices.DeleteFunc(p.acked, func(id string) bool { return id == ended.GetId() })

	report := p.take(t)
	sendReport := func() error { _, err := p.client.ReportTask(t.Context(), report); return err }
	d.free = noneMiB << 20
	d.shows(t, s, "none", 2)
	d.refuses(t, "RunWf", send, "is full", false)
	d.free = 0
	d.hold(t)
	d.refuses(t, "ReportTask", sendReport, "is full", true)
	p.there(t)

	d.free = scarceMiB << 20
	d.takes(t, "ReportTask", sendReport)
	d.free = diskMiB << 20
	d.takes(t, "RunWf", send)
	d.shows(t, s, "ample", 0)
	p.there(t)
	s.Stop(t)
	t.Logf("%d runs of %d bytes were acknowledged", len(p.acked), parcelBytes)
}

// TestNoSpaceInTheMiddle takes all the space away between two looks of the server, so that its writes find none: what
// it cannot write it does not acknowledge, it reads on, and it goes on where it was when there is space. Killed in
// that state it says why it cannot start; with some it starts and refuses; and nothing is lost.
func TestNoSpaceInTheMiddle(t *testing.T) {
	d := &fullDisk{dir: smallDisk(t, diskMiB)}
	data := filepath.Join(d.dir, "data")
	s := lhserver.New(t, data, diskSettings(60_000)...) // it looks when it has written much, or finds no space
	s.Start(t)
	conn := s.Dial(t)
	defer conn.Close()
	p := &parcels{client: lhpb.NewLittleHorseClient(conn)}
	p.register(t)
	send := func() error { return p.send(t.Context()) }
	for range 20 {
		if err := send(); err != nil {
			t.Fatal(err)
		}
	}
	process := s.PID()
	for _, heals := range []bool{true, false} {
		before := waits(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		var senders sync.WaitGroup
		for range 4 {
			senders.Go(func() {
				for ctx.Err() == nil {
					err := p.send(ctx)
					killed := status.Code(err) == codes.Unavailable && !heals
					if code := status.Code(err); code != codes.OK && code != codes.ResourceExhausted && code != codes.Canceled && !killed {
						t.Errorf("RunWf without space: %v", err)
					}
				}
			})
		}
		for waits(t, s) == before { // it may have looked in time
			d.free = diskMiB << 20
			d.shows(t, s, "ample", 0)
			d.free = 0
			d.shows(t, s, "none", 2)
		}
		d.refuses(t, "RunWf", send, "is full", false)
		p.there(t)
		if heals {
			d.free = diskMiB << 20
			d.takes(t, "RunWf", send)
			d.shows(t, s, "ample", 0)
		} else {
			s.Kill()
		}
		cancel()
		senders.Wait()
	}
	if s.PID() != process {
		t.Error("it was another process that went on")
	}

	for _, free := range []int64{0, noneMiB << 20} {
		d.free = free
		d.hold(t)
		if code, said := s.TryStart(t); code != 1 || !strings.Contains(said, "make room and start again") {
			t.Errorf("start with %d bytes free: exit code %d, %s", free, code, said)
		}
	}
	d.free = scarceMiB << 20
	d.hold(t)
	again := lhserver.New(t, data, diskSettings(50)...)
	again.Start(t)
	conn2 := again.Dial(t)
	defer conn2.Close()
	p.client = lhpb.NewLittleHorseClient(conn2)
	d.refuses(t, "RunWf", send, "nearly full", false)
	p.there(t)
	d.free = diskMiB << 20
	d.takes(t, "RunWf", send)
	for range 5 {
		p.complete(t, d)
	}
	p.there(t)
	again.Stop(t)
	t.Logf("%d runs of %d bytes were acknowledged", len(p.acked), parcelBytes)
}

// waits is how many writes of the server have found no space.
func waits(t *testing.T, s *lhserver.Server) (n int) {
	t.Helper()
	_, after, _ := strings.Cut(s.Told(t, "/metrics"), "lh_disk_waits_total{lh_cluster_id=\"cluster1\"} ")
	if _, err := fmt.Sscan(after, &n); err != nil {
		t.Fatal(err)
	}
	return n
}
