package rollup

import (
	"math"

	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// merge adds counts to a window. All counters of its kind are there, also those that have counted nothing.
func merge(w *lhpb.MetricWindow, of keys.Counted, counts []*pb.Count) {
	switch of.Type {
	case lhpb.MetricWindowType_WORKFLOW_METRIC:
		m := w.GetWorkflow()
		if m == nil {
			m = &lhpb.WfMetrics{}
			w.Metric = &lhpb.MetricWindow_Workflow{Workflow: m}
		}
		addAll(counts, []**lhpb.CountAndTiming{
			&m.Started, &m.RunningToCompleted, &m.RunningToError, &m.RunningToException,
			&m.RunningToHalting, &m.RunningToHalted, &m.HaltingToHalted, &m.HaltedToRunning,
		})
	case lhpb.MetricWindowType_TASK_METRIC:
		m := w.GetTask()
		if m == nil {
			m = &lhpb.TaskMetrics{}
			w.Metric = &lhpb.MetricWindow_Task{Task: m}
		}
		addAll(counts, []**lhpb.CountAndTiming{
			&m.TaskrunCreatedToCompleted, &m.TaskrunCreatedToError, &m.TaskrunCreatedToException,
			&m.TaskattemptPendingToScheduled, &m.TaskattemptScheduledToRunning,
			&m.TaskattemptRunningToError, &m.TaskattemptRunningToSuccess, &m.TaskattemptRunningToException,
		})
	case lhpb.MetricWindowType_QUOTA_USAGE_METRIC:
		m := w.GetQuotaUsage()
		if m == nil {
			m = &lhpb.QuotaUsageMetrics{}
			w.Metric = &lhpb.MetricWindow_QuotaUsage{QuotaUsage: m}
		}
		addUsage(m, counts)
	}
}

func addAll(counts []*pb.Count, fields []**lhpb.CountAndTiming) {
	for i, f := range fields {
		if *f == nil {
			*f = &lhpb.CountAndTiming{}
		}
		if i < len(counts) {
			add(*f, counts[i])
		}
	}
}

// add joins what partitions have counted.
func add(sum *lhpb.CountAndTiming, n *pb.Count) {
	all := pb.Count{
		Count: int64(sum.Count), MinMs: sum.MinLatencyMs, MaxMs: sum.MaxLatencyMs, TotalMs: sum.TotalLatencyMs,
	}
	all.Add(n)
	sum.Count = bounded(all.Count)
	sum.MinLatencyMs, sum.MaxLatencyMs, sum.TotalLatencyMs = all.MinMs, all.MaxMs, all.TotalMs
}

// addUsage adds requests observed, and requests throttled with the waits they were told.
func addUsage(sum *lhpb.QuotaUsageMetrics, counts []*pb.Count) {
	if len(counts) != 2 {
		return
	}
	observed, throttled := counts[0], counts[1]
	sum.RequestsObserved = bounded(int64(sum.RequestsObserved) + observed.GetCount())
	sum.RequestsThrottled = bounded(int64(sum.RequestsThrottled) + throttled.GetCount())
	sum.TotalThrottleTimeMs += throttled.GetTotalMs()
}

// bounded is the count as far as the public message can say it.
func bounded(n int64) int32 { return int32(min(n, math.MaxInt32)) }
