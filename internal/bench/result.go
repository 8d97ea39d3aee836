package bench

import (
	"math"
	"time"

	"littlehorse/lhpb"
)

// result is the line that is printed.
type result struct {
	Scenario string    `json:"scenario"`
	Label    string    `json:"label,omitempty"`
	At       time.Time `json:"at"`
	Seconds  float64   `json:"seconds"`
	Warmup   float64   `json:"warmupSeconds"`
	Loop     string    `json:"loop"`
	Settings settings  `json:"settings"`

	RunWf     float64 `json:"runWfPerSecond"`
	TaskRuns  float64 `json:"taskRunsPerSecond"`
	Completed float64 `json:"wfRunsCompletedPerSecond"`

	Latency struct {
		RunWf    latency `json:"runWf"`
		Report   latency `json:"reportTask"`
		NextTask latency `json:"reportToNextTask"`
		WfRun    latency `json:"wfRun"`
	} `json:"latencyMs"`

	Errors     map[string]int64 `json:"errors"`
	Refused    *refusals        `json:"refused,omitempty"`
	Unfinished int64            `json:"unfinished"`
	Abandoned  int64            `json:"abandoned"`
	EmptyPolls int64            `json:"emptyPolls"`
	LateTasks  int64            `json:"tasksOfUnknownWfRuns"`

	Load    side     `json:"load"`
	Server  *side    `json:"server,omitempty"`
	Disk    *disk    `json:"disk,omitempty"`
	Machine machine  `json:"machine"`
	Version versions `json:"versions"`
}

// refusals are the calls of the window that were answered with RESOURCE_EXHAUSTED.
type refusals struct {
	RunWf  int64 `json:"runWf"`
	Report int64 `json:"reportTask"`
	// Hinted are those that came with a hint when to try again.
	Hinted int64 `json:"withRetryHint"`
}

// side is the use of one side of the wire during the window.
type side struct {
	CPU             float64 `json:"cpuSeconds"`
	CPUPerTaskRun   float64 `json:"cpuUsPerTaskRun"`
	Written         *int64  `json:"bytesWritten,omitempty"`
	WrittenPerTask  *int64  `json:"bytesWrittenPerTaskRun,omitempty"`
	ResidentMiB     int64   `json:"residentMiB,omitempty"`
	PeakMiB         int64   `json:"peakResidentMiB,omitempty"`
	ServerProcesses []int   `json:"pids,omitempty"`
}

func (l *load) result(server *lhpb.LittleHorseVersion, d *disk, before, after usage) *result {
	seconds := l.rec.window().Seconds()
	perSecond := func(n int64) float64 { return round(float64(n)/seconds, 1) }
	r := &result{
		Scenario: "tasks", Label: l.Label, At: time.Now().UTC().Truncate(time.Second), Seconds: round(seconds, 3),
		Warmup: l.Warmup.Seconds(), Loop: "closed", Settings: l.settings,
		RunWf: perSecond(l.rec.started.Load()), TaskRuns: perSecond(l.rec.reported.Load()), Completed: perSecond(l.rec.completed.Load()),
		Errors: l.rec.failures(), Unfinished: l.runs.size.Load(), Abandoned: l.rec.abandoned.Load(),
		EmptyPolls: l.rec.empty.Load(), LateTasks: l.rec.unknown.Load(),
		Load: sideOf(after.load-before.load, l.rec.reported.Load()), Disk: d, Machine: thisMachine(),
		Version: theseVersions(server, l.ServerPIDs),
	}
	if l.Rate > 0 {
		r.Loop = "open"
	}
	if runWf, reports := l.rec.refused.Load(), l.rec.refusedReports.Load(); runWf+reports > 0 {
		r.Refused = &refusals{RunWf: runWf, Report: reports, Hinted: l.rec.hinted.Load()}
	}
	r.Latency.RunWf, r.Latency.Report = l.rec.runWf.latency(), l.rec.report.latency()
	r.Latency.NextTask, r.Latency.WfRun = l.rec.nextTask.latency(), l.rec.wfRun.latency()
	if len(l.ServerPIDs) > 0 {
		server := serverSideOf(l.ServerPIDs, before, after, l.rec.reported.Load())
		server.PeakMiB = l.peakB >> 20
		r.Server = &server
	}
	return r
}

// sideOf is the use of a side that ran so many TaskRuns.
func sideOf(cpu time.Duration, taskRuns int64) side {
	s := side{CPU: round(cpu.Seconds(), 6)}
	if taskRuns > 0 {
		s.CPUPerTaskRun = round(float64(cpu.Microseconds())/float64(taskRuns), 1)
	}
	return s
}

func serverSideOf(pids []int, before, after usage, taskRuns int64) side {
	s := sideOf(after.server-before.server, taskRuns)
	s.ServerProcesses, s.ResidentMiB = pids, after.residentB>>20
	if before.written < 0 || after.written < 0 {
		return s
	}
	written := after.written - before.written
	s.Written = &written
	if taskRuns > 0 {
		perTask := written / taskRuns
		s.WrittenPerTask = &perTask
	}
	return s
}

// significant keeps four digits.
func significant(x float64) float64 {
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return x
	}
	return round(x, max(0, 3-int(math.Floor(math.Log10(math.Abs(x))))))
}

func round(x float64, decimals int) float64 {
	p := math.Pow10(decimals)
	return math.Round(x*p) / p
}
