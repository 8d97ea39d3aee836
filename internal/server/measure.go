package server

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/telemetry"
)

// measure registers what is read at each scrape: the documented names first, then ours.
func (s *Server) measure(context.Context) error {
	m := s.metrics
	first := s.host.Position(cluster.MetadataStream)
	metadata := func() float64 { return float64(s.host.Position(cluster.MetadataStream) - first) }
	commands := "Commands applied and durable."
	m.CounterFunc("lh_commands_processed_total", commands, prometheus.Labels{"type": "metadata"}, metadata)
	m.CounterFunc("lh_commands_processed_total", commands, prometheus.Labels{"type": "core"}, func() float64 {
		return max(0, float64(s.host.Stats().Records)-metadata())
	})
	m.GaugesFunc("lh_in_memory_task_queue_size", "TaskRuns that wait in memory for a worker.", []string{"tenant_id", "task_name"}, s.queueSizes)
	m.GaugeFunc("active_tasks_count_core", "Partitions of run data served here.", nil, func() float64 { return float64(s.cfg.Partitions) })
	m.GaugeFunc("active_tasks_count_global", "Partitions of definitions served here.", nil, func() float64 { return 1 })
	m.GaugeFunc("active_tasks_count_repartition", "Partitions of aggregates served here.", nil, func() float64 { return 0 })
	m.GaugeFunc("lh_cache_size", "Definitions in memory.", prometheus.Labels{"cache_name": "metadata"}, s.definitions)
	s.measureDisk()
	s.measurePartitions()
	return nil
}

func (s *Server) queueSizes() []telemetry.Point {
	var out []telemetry.Point
	for _, q := range s.queues.Sizes() {
		out = append(out, telemetry.Point{Labels: []string{q.Tenant, q.TaskDef}, Value: float64(q.Tasks)})
	}
	return out
}

// definitions counts what exists, in all tenants and of the cluster.
func (s *Server) definitions() float64 {
	n := 0
	count := func(tenant string, kinds ...keys.ObjectKind) {
		for _, kind := range kinds {
			s.view.Walk(tenant, kind, keys.Definition{}, func(keys.Definition) bool { n++; return true })
		}
	}
	s.view.Walk("", keys.KindTenant, keys.Definition{}, func(d keys.Definition) bool {
		count(d.Name, keys.KindTaskDef, keys.KindExternalEventDef, keys.KindWorkflowEventDef, keys.KindUserTaskDef, keys.KindStructDef, keys.KindWfSpec,
			keys.KindWorkflowMigrationPlan)
		return true
	})
	count("", keys.KindTenant, keys.KindPrincipal)
	return float64(n)
}

func (s *Server) measureDisk() {
	path := prometheus.Labels{"path": s.cfg.StateDir}
	usage := func(pick func(free, total, store uint64) uint64) func() float64 {
		return func() float64 {
			u, err := s.store.DiskUsage()
			if err != nil {
				return 0
			}
			return float64(pick(u.FreeBytes, u.DiskBytes, u.StoreBytes))
		}
	}
	s.metrics.GaugeFunc("disk_free_bytes", "Free space of the disk of the store.", path, usage(func(free, _, _ uint64) uint64 { return free }))
	s.metrics.GaugeFunc("disk_total_bytes", "Size of the disk of the store.", path, usage(func(_, total, _ uint64) uint64 { return total }))
	s.metrics.GaugeFunc("lh_store_bytes", "Space the store takes.", nil, usage(func(_, _, store uint64) uint64 { return store }))
}

func (s *Server) measurePartitions() {
	m := s.metrics
	counter := func(name, help string, read func() float64) { m.CounterFunc(name, help, nil, read) }
	gauge := func(name, help string, read func() float64) { m.GaugeFunc(name, help, nil, read) }
	counter("lh_commits_total", "Synced commits.", func() float64 { return float64(s.host.Stats().Commits) })
	counter("lh_commit_seconds_total", "Time spent writing and syncing commits.", func() float64 { return s.host.Stats().CommitTime.Seconds() })
	counter("lh_commit_bytes_total", "Encoded bytes of all commits.", func() float64 { return float64(s.host.Stats().Bytes) })
	counter("lh_changes_total", "Rows written or deleted.", func() float64 { return float64(s.host.Stats().Changes) })
	counter("lh_timers_fired_total", "Timers fired.", func() float64 { return float64(s.host.Stats().TimersFired) })
	counter("lh_refused_total", "Commands refused because a partition had too many waiting.", func() float64 { return float64(s.host.Stats().Refused) })
	counter("lh_read_errors_total", "Commands refused because the state could not be read.", func() float64 { return float64(s.host.Stats().ReadErrors) })
	counter("lh_engine_panics_total", "Commands dropped because the engine panicked: each is a bug.", func() float64 { return float64(s.host.Stats().Panics) })
	gauge("lh_commands_waiting", "Commands submitted and not answered.", func() float64 {
		var n int64
		for _, q := range s.host.Stats().Queues {
			n += q.Records
		}
		return float64(n)
	})
	gauge("lh_timers_overdue_seconds", "How long ago the earliest timer that has not fired was due.", func() float64 {
		var longest float64
		for _, q := range s.host.Stats().Queues {
			longest = max(longest, q.Overdue.Seconds())
		}
		return longest
	})
}
