package server

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/log/kafka"
	"littlehorse/internal/machine"
	"littlehorse/internal/partition"
	"littlehorse/internal/pb"
	"littlehorse/internal/taskqueue"
	"littlehorse/internal/telemetry"
)

// measure registers what is read at each scrape: the documented names first, then ours.
func (s *Server) measure(context.Context) error {
	s.measureDocumented()
	s.measureDisk()
	s.measurePartitions()
	s.measureQueues()
	s.measureStore()
	s.measureCheckpoints()
	s.measureServer()
	return nil
}

func gauge(name, help string, labels ...string) telemetry.Family {
	return telemetry.Family{Name: name, Help: help, Labels: labels}
}

func counter(name, help string, labels ...string) telemetry.Family {
	return telemetry.Family{Name: name, Help: help, Labels: labels, Counter: true}
}

func (s *Server) measureDocumented() {
	first := s.host.Position(cluster.MetadataStream)
	instance := ""
	if s.cfg.InstanceID >= 0 {
		instance = strconv.Itoa(s.cfg.InstanceID)
	}
	s.metrics.Read([]telemetry.Family{
		counter("lh_commands_processed_total", "Commands applied and durable.", "type"),
		counter("lh_subcommands_processed_total", "Commands applied and durable, by their kind.", "type"),
		gauge("active_tasks_count_core", "Partitions of run data served here."),
		gauge("active_tasks_count_global", "Partitions of definitions served here."),
		gauge("active_tasks_count_repartition", "Partitions of aggregates served here."),
		gauge("standby_partitions", "Partitions of which this server keeps a hot copy.", "store_name", "instance_id"),
		gauge("kafka_streams_lag_standby_store", "Entries of their topics that hot copies are behind, together.", "store_name", "instance_id"),
		gauge("lh_cache_size", "Definitions in memory.", "cache_name"),
	}, func(emit telemetry.Emit) {
		stats := s.host.Stats()
		metadata := float64(s.host.Position(cluster.MetadataStream) - first)
		emit("lh_commands_processed_total", metadata, "metadata")
		emit("lh_commands_processed_total", max(0, float64(stats.Records)-metadata), "core")
		for c, n := range stats.Commands {
			emit("lh_subcommands_processed_total", float64(n), commandName(c))
		}
		served := float64(len(s.servedPartitions()))
		emit("active_tasks_count_core", served)
		emit("active_tasks_count_global", float64(s.servesMetadata()))
		emit("active_tasks_count_repartition", served)
		partitions, lag := s.standbyLag()
		emit("standby_partitions", partitions, "core-store", instance)
		emit("kafka_streams_lag_standby_store", lag, "core-store", instance)
		emit("lh_cache_size", s.definitions(), "metadata")
	})
}

// servesMetadata is 1 if this server owns the definitions.
func (s *Server) servesMetadata() int {
	if s.router.Here(s.router.Metadata()) {
		return 1
	}
	return 0
}

// documentedCommands are commands whose documented name is another than ours.
var documentedCommands = map[partition.Command]string{
	{Name: "ReportTask"}:         "REPORT_TASK_RUN",
	{Name: "ClaimTask"}:          "TASK_CLAIM_EVENT",
	{Name: "RegisterTaskWorker"}: "TASK_WORKER_HEART_BEAT",

	{Name: "TimerFired", Timer: keys.TimerSleep}:        "SLEEP_NODE_MATURED",
	{Name: "TimerFired", Timer: keys.TimerTaskTimeout}:  "TASK_ATTEMPT_TIMED_OUT",
	{Name: "TimerFired", Timer: keys.TimerTaskRetry}:    "TASK_ATTEMPT_RETRY_DUE",
	{Name: "TimerFired", Timer: keys.TimerEventTimeout}: "EXTERNAL_EVENT_TIMED_OUT",
	{Name: "TimerFired", Timer: keys.TimerRetention}:    "RETENTION_DUE",
	{Name: "TimerFired", Timer: keys.TimerEventExpiry}:  "EXTERNAL_EVENT_EXPIRED",
	{Name: "TimerFired", Timer: keys.TimerCorrelated}:   "CORRELATED_EVENT_EXPIRED",
	{Name: "TimerFired", Timer: keys.TimerSchedule}:     "SCHEDULE_DUE",
	{Name: "TimerFired", Timer: keys.TimerUserTask}:     "USER_TASK_ACTION_DUE",
	{Name: "TimerFired", Timer: keys.TimerFlushMetrics}: "FLUSH_METRICS",
	{Name: "TimerFired", Timer: keys.TimerMetricWindow}: "METRIC_WINDOW_EXPIRED",
	{Name: "TimerFired", Timer: keys.TimerTrimOutput}:   "TRIM_OUTPUT",
	{Name: "TimerFired", Timer: keys.TimerLost}:         "CONTINUE_LOST",
}

func commandName(c partition.Command) string {
	return cmp.Or(documentedCommands[c], upperSnake(c.Name), "NONE")
}

// upperSnake writes RunWf as RUN_WF.
func upperSnake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
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
	s.metrics.Read([]telemetry.Family{
		gauge("disk_free_bytes", "Free space of the disk of the store.", "path"),
		gauge("disk_total_bytes", "Size of the disk of the store.", "path"),
		gauge("lh_disk_reserve_bytes", "Free space below which nothing new is begun, and at half of which nothing is written; 0 if the disk is not watched."),
		gauge("lh_disk_room", "Whether the disk has room: 0 ample, 1 scarce (nothing new is begun), 2 none (nothing is written)."),
		counter("lh_disk_waits_total", "Writes of the store that found no space and waited for it."),
		gauge("lh_store_bytes", "Space the store takes."),
	}, func(emit telemetry.Emit) {
		if s.store.Err() != nil {
			return
		}
		if u, err := s.store.DiskUsage(); err == nil {
			emit("disk_free_bytes", float64(u.FreeBytes), s.cfg.StateDir)
			emit("disk_total_bytes", float64(u.DiskBytes), s.cfg.StateDir)
			emit("lh_store_bytes", float64(u.StoreBytes))
		}
		room, _ := s.store.Room()
		emit("lh_disk_reserve_bytes", float64(s.store.ReserveBytes()))
		emit("lh_disk_room", float64(room))
		emit("lh_disk_waits_total", float64(s.store.Waits()))
	})
}

func (s *Server) measureCheckpoints() {
	s.metrics.Read([]telemetry.Family{
		counter("lh_checkpoints_total", "Checkpoints written to change logs in Kafka."),
		counter("lh_checkpoint_bytes_total", "Bytes of rows in them, before compression."),
		counter("lh_checkpoint_failures_total", "Checkpoints that failed and were tried again."),
		counter("lh_copies_differing_total", "Copies of partitions that were found to differ from the state of their owners, and are not used any more: each is a bug."),
		gauge("lh_checkpoint_behind_seconds", "How old the oldest change is that no checkpoint covers; 0 if there is none, or no Kafka."),
	}, func(emit telemetry.Emit) {
		var is kafka.CheckpointStats
		if s.kafka != nil {
			is = s.kafka.Checkpoints()
		}
		emit("lh_checkpoints_total", float64(is.Written))
		emit("lh_checkpoint_bytes_total", float64(is.Bytes))
		emit("lh_checkpoint_failures_total", float64(is.Failed))
		emit("lh_copies_differing_total", float64(is.Differing))
		emit("lh_checkpoint_behind_seconds", is.Behind.Seconds())
	})
}

// commitHistograms are fed after each commit.
type commitHistograms struct{ commands, seconds, apply prometheus.Histogram }

func newCommitHistograms(m *telemetry.Metrics) commitHistograms {
	return commitHistograms{
		commands: m.Histogram("lh_batch_commands", "Commands that one commit covers.", 1, 10),
		seconds:  m.Histogram("lh_commit_seconds", "Time to encode, write and sync one commit.", 0.000_25, 16),
		apply:    m.Histogram("lh_apply_seconds", "Time in which the engine applies one command.", 0.000_01, 18),
	}
}

func (h *commitHistograms) observe(c partition.CommitStats) {
	h.commands.Observe(float64(c.Records))
	h.seconds.Observe(c.Took.Seconds())
	for _, took := range c.Applied {
		h.apply.Observe(took.Seconds())
	}
}

func (s *Server) measurePartitions() {
	const perPartition = "Commands of one partition submitted and not answered."
	s.metrics.Read([]telemetry.Family{
		counter("lh_commit_bytes_total", "Encoded bytes of all commits."),
		counter("lh_changes_total", "Rows written or deleted."),
		counter("lh_timers_fired_total", "Timers fired."),
		counter("lh_read_errors_total", "Commands refused because the state could not be read."),
		counter("lh_engine_panics_total", "Commands dropped because the engine panicked: each is a bug."),
		counter("lh_refused_total", "Calls refused before anything was written, by the reason. queue_full: a partition had too many commands waiting; disk: the disk had no room.", "reason"),
		gauge("lh_commands_waiting", "Commands submitted and not answered."),
		gauge("lh_partition_commands_waiting", perPartition, "kind", "partition"),
		gauge("lh_partition_queue_limit", "How many commands of one partition may wait before new work is refused."),
		gauge("lh_timers_in_memory", "Timers that are in memory: the nearest of each partition."),
		gauge("lh_timers_due", "Timers in memory that are due and have not fired."),
		gauge("lh_timers_firing", "Timers that have fired and whose command is not yet durable."),
		gauge("lh_timers_overdue_seconds", "How long ago the earliest timer that has not fired was due."),
	}, func(emit telemetry.Emit) {
		stats := s.host.Stats()
		emit("lh_commit_bytes_total", float64(stats.Bytes))
		emit("lh_changes_total", float64(stats.Changes))
		emit("lh_timers_fired_total", float64(stats.TimersFired))
		emit("lh_read_errors_total", float64(stats.ReadErrors))
		emit("lh_engine_panics_total", float64(stats.Panics))
		emit("lh_refused_total", float64(stats.Refused), "queue_full")
		emit("lh_refused_total", float64(stats.NoSpace), "disk")
		s.rpcs.Refusals.Each(func(why telemetry.Reason, n uint64) { emit("lh_refused_total", float64(n), why.String()) })
		emit("lh_partition_queue_limit", float64(stats.QueueLimit))
		s.emitQueues(emit, stats.Queues)
	})
}

var streamKinds = map[machine.Kind]string{machine.Core: "core", machine.Repartition: "repartition", machine.Metadata: "metadata"}

func (s *Server) emitQueues(emit telemetry.Emit, queues []partition.QueueStats) {
	var waiting int64
	var timers partition.TimerStats
	for _, q := range queues {
		waiting += q.Records
		timers.Timers += q.Timers
		timers.Due += q.Due
		timers.Firing += q.Firing
		timers.Late = max(timers.Late, q.Late)
		emit("lh_partition_commands_waiting", float64(q.Records), streamKinds[q.Stream.Kind], strconv.Itoa(int(q.Stream.Partition)))
	}
	emit("lh_commands_waiting", float64(waiting))
	emit("lh_timers_in_memory", float64(timers.Timers))
	emit("lh_timers_due", float64(timers.Due))
	emit("lh_timers_firing", float64(timers.Firing))
	emit("lh_timers_overdue_seconds", timers.Late.Seconds())
}

const (
	// mostTaskDefs bounds the TaskDefs that have series of their own: those with the longest queues. The others are
	// summed up under a name that no TaskDef can have.
	mostTaskDefs = 500
	otherQueues  = "_others"
	// mostCounts bounds the rows that one scrape reads to count what waits in the store alone.
	mostCounts = 20_000
)

func (s *Server) measureQueues() {
	labels := []string{"tenant_id", "task_name"}
	s.metrics.Read([]telemetry.Family{
		gauge("lh_in_memory_task_queue_size", "TaskRuns that wait in memory for a worker.", labels...),
		gauge("lh_tasks_scheduled", "TaskRuns that wait for a worker, in memory or not. Of queues that are not wholly in memory a scrape reads "+
			"20,000 counts, one of each partition, by tenant and name; those beyond have what is in memory.", labels...),
		gauge("lh_task_requests_waiting", "Requests of workers that wait for a task.", labels...),
		gauge("lh_task_streams", "Streams of workers that are open."),
	}, func(emit telemetry.Emit) {
		emit("lh_task_streams", float64(s.queues.Streams()))
		for _, q := range s.longestQueues() {
			emit("lh_in_memory_task_queue_size", float64(q.Tasks), q.Tenant, q.TaskDef)
			emit("lh_tasks_scheduled", float64(q.scheduled), q.Tenant, q.TaskDef)
			emit("lh_task_requests_waiting", float64(q.Requests), q.Tenant, q.TaskDef)
		}
	})
}

// queueSize is a queue with all that waits in it.
type queueSize struct {
	taskqueue.Size
	scheduled int64
}

// longestQueues are as many as may have series of their own, and the sum of all others.
func (s *Server) longestQueues() []queueSize {
	out := countQueues(s.queues.Sizes(), s.cfg.Partitions, s.countScheduled)
	slices.SortFunc(out, func(a, b queueSize) int {
		return cmp.Or(cmp.Compare(b.scheduled, a.scheduled), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.TaskDef, b.TaskDef))
	})
	if len(out) <= mostTaskDefs {
		return out
	}
	others := queueSize{Size: taskqueue.Size{Tenant: otherQueues, TaskDef: otherQueues}}
	for _, q := range out[mostTaskDefs:] {
		others.Tasks += q.Tasks
		others.Requests += q.Requests
		others.scheduled += q.scheduled
	}
	return append(out[:mostTaskDefs], others)
}

// countQueues adds to the queues what waits in the store alone. count reads as many rows as there are partitions, so
// only the first of these queues are counted; the others show what is in memory.
func countQueues(sizes []taskqueue.Size, partitions int, count func(taskqueue.Size) int64) []queueSize {
	out := make([]queueSize, 0, len(sizes))
	reads := mostCounts
	for _, q := range sizes {
		size := queueSize{q, int64(q.Tasks + q.Claiming)}
		if !q.Complete && reads >= partitions {
			reads -= partitions
			size.scheduled = max(size.scheduled, count(q))
		}
		out = append(out, size)
	}
	return out
}

// countScheduled adds what the partitions have counted.
func (s *Server) countScheduled(q taskqueue.Size) (sum int64) {
	row := keys.In(q.Tenant).Counts(keys.CountedTaskDef(q.TaskDef))
	for _, stream := range s.router.Streams() {
		if value, err := s.host.Get(stream, row); err == nil && value != nil {
			counts := &pb.Counts{}
			if counts.UnmarshalVT(value) == nil {
				sum += counts.Now
			}
		}
	}
	return sum
}

func (s *Server) measureStore() {
	s.metrics.Read([]telemetry.Family{
		gauge("lh_store_wal_bytes", "Size of the store's log that is not flushed yet: what a restart replays."),
		gauge("lh_store_memtable_bytes", "Memory of memtables."),
		gauge("lh_store_cache_bytes", "Memory of the block cache in use."),
		counter("lh_store_cache_hits_total", "Blocks found in the cache."),
		counter("lh_store_cache_misses_total", "Blocks read from the disk."),
		gauge("lh_store_read_amplification", "Places that one read may have to look at."),
		gauge("lh_store_compaction_debt_bytes", "Bytes that compactions still have to move."),
		gauge("lh_store_compactions_running", "Compactions that run."),
		counter("lh_store_compactions_total", "Compactions."),
		counter("lh_store_flushes_total", "Flushes of memtables."),
		counter("lh_store_written_bytes_total", "Bytes written by log, flushes and compactions."),
		gauge("lh_store_snapshots", "Snapshots that readers hold."),
		counter("lh_store_stalls_total", "Times that writes had to wait for a flush or compaction."),
	}, func(emit telemetry.Emit) {
		if s.store.Err() != nil {
			return
		}
		m := s.store.Metrics()
		written := m.WAL.BytesWritten
		for i := range m.Levels {
			written += m.Levels[i].TableBytesFlushed + m.Levels[i].TableBytesCompacted
		}
		emit("lh_store_wal_bytes", float64(m.WAL.Size))
		emit("lh_store_memtable_bytes", float64(m.MemTable.Size))
		emit("lh_store_cache_bytes", float64(m.BlockCache.Size))
		emit("lh_store_cache_hits_total", float64(m.BlockCache.Hits))
		emit("lh_store_cache_misses_total", float64(m.BlockCache.Misses))
		emit("lh_store_read_amplification", float64(m.ReadAmp()))
		emit("lh_store_compaction_debt_bytes", float64(m.Compact.EstimatedDebt))
		emit("lh_store_compactions_running", float64(m.Compact.NumInProgress))
		emit("lh_store_compactions_total", float64(m.Compact.Count))
		emit("lh_store_flushes_total", float64(m.Flush.Count))
		emit("lh_store_written_bytes_total", float64(written))
		emit("lh_store_snapshots", float64(m.Snapshots.Count))
		emit("lh_store_stalls_total", float64(s.store.Stalls()))
	})
	s.metrics.Nanoseconds("lh_fsync_seconds", "Time in which the disk makes what is written durable.", func() prometheus.Histogram {
		return s.store.Metrics().LogWriter.FsyncLatency
	})
}

func (s *Server) measureServer() {
	s.metrics.Read([]telemetry.Family{
		gauge("lh_build_info", "1; the labels say what runs.", "version", "commit", "go_version"),
		gauge("lh_connections", "Open connections of a listener.", "listener"),
		gauge("lh_connections_limit", "How many connections a listener takes; 0 sets no limit."),
		gauge("lh_output_readers", "Readers of output topics; 64 at most."),
		gauge("lh_replies_waiting_bytes", "Replies in memory that clients have not taken yet, and what calls under way are expected to add."),
		gauge("lh_replies_waiting_limit_bytes", "How much may wait; when it does, calls wait."),
		gauge("lh_requests_incoming_bytes", "What came of requests that are not whole or not decoded, calls that run as the transport counts them (8 KiB each), and what workers ask for."),
		gauge("lh_backup_timestamp_seconds", "Moment of the last copy of this process that lh backup has completed, in seconds since 1970; 0 if none."),
	}, func(emit telemetry.Emit) {
		emit("lh_build_info", 1, s.cfg.Version, s.cfg.Commit, runtime.Version())
		for _, l := range s.listeners {
			emit("lh_connections", float64(l.connections.Load()), l.Name)
		}
		emit("lh_connections_limit", float64(s.cfg.MaxConnections))
		emit("lh_output_readers", float64(s.face.OutputReaders()))
		emit("lh_replies_waiting_bytes", float64(s.backlogs.Bytes()))
		emit("lh_replies_waiting_limit_bytes", float64(s.backlogs.Limit()))
		emit("lh_requests_incoming_bytes", float64(s.backlogs.Incoming()))
		emit("lh_backup_timestamp_seconds", float64(s.copied.Load())/1e3)
	})
}
