package engine

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// flushMetrics sends on what was counted in a minute that is over, for each object and for the tenant, as far
// as one record may.
func (t *txn) flushMetrics(window int64) {
	prefix := t.keys.MinutesAt(window)
	sums := map[lhpb.MetricWindowType][]*pb.Count{}
	seen, most := 0, t.engine.config.FlushChunk
	for k, closed := range machine.Scan[pb.Counts](t.view, prefix, prefix.End(), most+1) {
		if seen++; seen > most {
			t.loose = append(t.loose, t.flushTimer(window, t.nowNs+1))
			break
		}
		_, _, of, err := keys.ParseMinute(k)
		if err != nil {
			continue
		}
		t.remove(k)
		minute := closed.Minute
		if minute == nil {
			minute = t.closeMinute(of, window)
		}
		counts := countsOf(of, minute)
		t.emitMetric(of, window, counts)
		sums[of.Type] = sumOf(sums[of.Type], counts)
	}
	for _, of := range []lhpb.MetricWindowType{lhpb.MetricWindowType_WORKFLOW_METRIC, lhpb.MetricWindowType_TASK_METRIC} {
		if sums[of] != nil {
			t.emitMetric(keys.Counted{Type: of}, window, sums[of])
		}
	}
}

// closeMinute takes what an object has counted in the minute and lets it count none until something happens.
func (t *txn) closeMinute(of keys.Counted, window int64) []int64 {
	k := t.keys.Counts(of)
	row := machine.Get[pb.Counts](t.view, k)
	if row == nil || row.Minute == nil || row.WindowNs != window {
		return nil
	}
	if row.Now == 0 {
		t.remove(k)
	} else {
		t.put(k, &pb.Counts{Now: row.Now})
	}
	return row.Minute
}

// countsOf are the counters of a row in the order of the fields of its kind of metrics.
func countsOf(of keys.Counted, minute []int64) []*pb.Count {
	fields := wfFields
	if of.Type == lhpb.MetricWindowType_TASK_METRIC {
		fields = taskFields
	}
	out := make([]*pb.Count, len(fields))
	for i, counter := range fields {
		out[i] = &pb.Count{}
		if at := perCounter * counter; at < len(minute) {
			out[i] = &pb.Count{Count: minute[at], MinMs: minute[at+1], MaxMs: minute[at+2], TotalMs: minute[at+3]}
		}
	}
	return out
}

// sumOf adds counts of one partition.
func sumOf(sum, counts []*pb.Count) []*pb.Count {
	for i, n := range counts {
		if i == len(sum) {
			sum = append(sum, &pb.Count{})
		}
		sum[i].Add(n)
	}
	return sum
}

func (t *txn) emitMetric(of keys.Counted, window int64, counts []*pb.Count) {
	t.emit(machine.RepartitionOf(t.keys.Name(), of.Route(), t.engine.config.Partitions), &pb.Record{
		Command: &pb.Record_MetricUpdate{MetricUpdate: &pb.MetricUpdate{
			Window: metricWindowID(t.keys.Name(), of, window),
			Counts: counts,
		}},
	})
}

func metricWindowID(tenant string, of keys.Counted, window int64) *lhpb.MetricWindowId {
	id := &lhpb.MetricWindowId{
		TenantId:    &lhpb.TenantId{Id: tenant},
		WindowStart: timestampOf(window),
		MetricType:  &of.Type,
	}
	switch {
	case of.Name == "":
	case of.Type == lhpb.MetricWindowType_TASK_METRIC:
		id.Id = &lhpb.MetricWindowId_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: of.Name}}
	default:
		id.Id = &lhpb.MetricWindowId_WfSpecId{WfSpecId: &lhpb.WfSpecId{
			Name: of.Name, MajorVersion: of.Major, Revision: of.Revision,
		}}
	}
	return id
}
