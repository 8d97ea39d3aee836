package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
)

// storeWindow is what happened within 30 seconds, as the original's benchmark prints it. Latencies are in ms.
type storeWindow struct {
	Timestamp              int64   `json:"timestamp"` // ms since 1970
	TaskStarts             int64   `json:"totalTaskStarts"`
	TaskStartLatency       float64 `json:"totalTaskStartLatency"`
	MaxTaskStartLatency    float64 `json:"maxTaskStartLatency"`
	TaskCompletes          int64   `json:"totalTaskCompletes"`
	TaskCompleteLatency    float64 `json:"totalTaskCompleteLatency"`
	MaxTaskCompleteLatency float64 `json:"maxTaskCompleteLatency"`
	MessagesProcessed      int64   `json:"messagesProcessed"`
}

const (
	windowLength = 30 * time.Second
	windowsKept  = 2880 // a day
)

// windows are the newest ones, oldest first, none left out.
type windows struct {
	mu  sync.Mutex
	all []storeWindow
}

// at gives the window of a moment to the function.
func (w *windows) at(moment time.Time, change func(*storeWindow)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	length := windowLength.Milliseconds()
	start := moment.UnixMilli() / length * length
	if len(w.all) == 0 {
		w.all = append(w.all, storeWindow{Timestamp: start})
	}
	for newest := w.all[len(w.all)-1].Timestamp; newest < start; newest += length {
		w.all = append(w.all, storeWindow{Timestamp: newest + length})
	}
	w.all = w.all[max(0, len(w.all)-windowsKept):]
	i := len(w.all) - 1 - int((w.all[len(w.all)-1].Timestamp-start)/length)
	change(&w.all[max(i, 0)])
}

func (w *windows) started(moment time.Time, latency time.Duration) {
	w.at(moment, func(w *storeWindow) {
		w.TaskStarts++
		w.TaskStartLatency += ms(latency)
		w.MaxTaskStartLatency = max(w.MaxTaskStartLatency, ms(latency))
	})
}

func (w *windows) completed(moment time.Time, latency time.Duration) {
	w.at(moment, func(w *storeWindow) {
		w.TaskCompletes++
		w.TaskCompleteLatency += ms(latency)
		w.MaxTaskCompleteLatency = max(w.MaxTaskCompleteLatency, ms(latency))
	})
}

// last are the newest n.
func (w *windows) last(n int) []storeWindow {
	w.at(time.Now(), func(*storeWindow) {})
	w.mu.Lock()
	defer w.mu.Unlock()
	out := append([]storeWindow{}, w.all[max(0, len(w.all)-n):]...)
	for i := range out {
		out[i].TaskStartLatency, out[i].TaskCompleteLatency = round(out[i].TaskStartLatency, 3), round(out[i].TaskCompleteLatency, 3)
	}
	return out
}

func ms(d time.Duration) float64 { return round(float64(d)/float64(time.Millisecond), 3) }

// storeWorker is the server of the benchmark with the worker of its tasks.
type storeWorker struct {
	server  *process
	client  *lh.Client
	windows windows
	meter   atomic.Pointer[storeMeter]
	tasks   chan storeTask
	cancel  context.CancelFunc
	working sync.WaitGroup

	tallying  sync.Mutex
	tallied   bool  // once at least
	processed int64 // records of the log, when it was
}

type storeTask struct {
	api   lhpb.LittleHorseClient
	task  *lhpb.ScheduledTask
	start time.Time
}

// storeMeter is what happened since it was put in place.
type storeMeter struct {
	start, complete *histogram
	completed       atomic.Int64
	failed          atomic.Int64
}

func newStoreMeter() *storeMeter { return &storeMeter{start: newHistogram(), complete: newHistogram()} }

// startStore runs the server and its worker.
func startStore(ctx context.Context, p *process) (*storeWorker, error) {
	if err := p.start(ctx); err != nil {
		p.kill()
		return nil, err
	}
	client, err := p.dial(ctx)
	if err != nil {
		p.kill()
		return nil, err
	}
	w := &storeWorker{server: p, client: client, tasks: make(chan storeTask, storeCallers)}
	w.meter.Store(newStoreMeter())
	ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx)) // it works until it is closed
	for i := range storeCallers {
		w.working.Go(func() { w.work(ctx, i) })
	}
	w.working.Go(func() { w.count(ctx) })
	polls := &poller{
		clients: []*lh.Client{client}, taskDef: storeName, streams: 2, credits: storeCallers / 2,
		take: w.take, empty: func() {}, fail: func(error) { w.meter.Load().failed.Add(1) },
	}
	if err := polls.start(ctx, &w.working); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// close ends the worker, and the server if it still runs.
func (w *storeWorker) close() {
	w.cancel()
	w.working.Wait()
	_ = w.client.Close() // nothing is under way any more
	w.server.kill()
}

// take times how long a task has waited since it was scheduled.
func (w *storeWorker) take(ctx context.Context, who int, api lhpb.LittleHorseClient, task *lhpb.ScheduledTask) error {
	now := time.Now()
	waited := max(0, now.Sub(task.CreatedAt.AsTime()))
	w.windows.started(now, waited)
	w.meter.Load().start.record(who, waited)
	select {
	case w.tasks <- storeTask{api: api, task: task, start: now}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// work completes tasks, one after the other.
func (w *storeWorker) work(ctx context.Context, who int) {
	for {
		select {
		case t := <-w.tasks:
			w.complete(ctx, who, t)
		case <-ctx.Done():
			return
		}
	}
}

func (w *storeWorker) complete(ctx context.Context, who int, t storeTask) {
	var bytes int64
	for _, v := range t.task.Variables {
		bytes = v.Value.GetInt()
	}
	report := &lhpb.ReportTaskRun{
		TaskRunId: t.task.TaskRunId, AttemptNumber: t.task.AttemptNumber, Time: timestamppb.Now(), Status: lhpb.TaskStatus_TASK_SUCCESS,
		Result: &lhpb.ReportTaskRun_Output{Output: &lhpb.VariableValue{Value: &lhpb.VariableValue_Bytes{Bytes: random(bytes)}}},
	}
	for {
		_, err := t.api.ReportTask(ctx, report)
		if err == nil {
			break
		}
		w.meter.Load().failed.Add(1)
		if wait(ctx, pauseAfterError, nil) != nil {
			return
		}
	}
	now := time.Now()
	w.windows.completed(now, now.Sub(t.start))
	m := w.meter.Load()
	m.complete.record(who, now.Sub(t.start))
	m.completed.Add(1)
}

// count asks the server every second how many records of its log it has processed.
func (w *storeWorker) count(ctx context.Context) {
	for {
		w.tally(ctx)
		if wait(ctx, time.Second, nil) != nil {
			return
		}
	}
}

// tally puts what was processed since the last time into the window of now.
func (w *storeWorker) tally(ctx context.Context) {
	w.tallying.Lock()
	defer w.tallying.Unlock()
	values, err := scrape(ctx, w.server.health)
	if err != nil {
		return // the next time tells
	}
	processed := int64(values["lh_commands_processed_total"])
	if w.tallied {
		w.windows.at(time.Now(), func(at *storeWindow) { at.MessagesProcessed += processed - w.processed })
	}
	w.tallied, w.processed = true, processed
}

// serve answers the two commands that ask for metrics, until the function that it returns is called.
func (w *storeWorker) serve(listener net.Listener) (stop func()) {
	pages := http.NewServeMux()
	pages.HandleFunc("GET /workflowMetrics", func(out http.ResponseWriter, req *http.Request) {
		n, err := strconv.Atoi(req.FormValue("windows"))
		if err != nil || n < 1 {
			http.Error(out, "windows must be a number of 1 or more", http.StatusBadRequest)
			return
		}
		w.tally(req.Context())
		out.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(out).Encode(w.windows.last(n)) // who asked is gone
	})
	pages.HandleFunc("GET /streamsMetrics", func(out http.ResponseWriter, req *http.Request) {
		text, err := get(req.Context(), "http://"+w.server.health+"/metrics")
		if err != nil {
			http.Error(out, err.Error(), http.StatusBadGateway)
			return
		}
		fmt.Fprint(out, text)
	})
	server := &http.Server{Handler: pages, ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // it ends when it is closed
	}()
	return func() {
		_ = server.Close() // what is asked for now is not needed any more
		<-served
	}
}

// finish waits until so many TaskRuns have completed.
func (w *storeWorker) finish(ctx context.Context, taskRuns int) error {
	for w.meter.Load().completed.Load() < int64(taskRuns) {
		select {
		case <-w.server.exited:
			return errors.Join(errors.New("the server has ended"), w.server.lastWords())
		default:
		}
		if err := wait(ctx, 10*time.Millisecond, nil); err != nil {
			return err
		}
	}
	return nil
}
