package engine

import (
	"fmt"
	"math"
	"time"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// Specs is the metadata of a tenant as of one version. Absent is nil. What it returns is shared and never
// changes.
type Specs interface {
	WfSpec(id *lhpb.WfSpecId) *spec.Graph
	// LatestWfSpec is the highest revision of the major version; spec.NewestVersion for the highest of all.
	LatestWfSpec(name string, major int32) *spec.Graph
	TaskDef(name string) *lhpb.TaskDef
	ExternalEventDef(name string) *lhpb.ExternalEventDef
	WorkflowEventDef(name string) *lhpb.WorkflowEventDef
	UserTaskDef(name string, version int32) *lhpb.UserTaskDef
	StructDef(name string, version int32) *lhpb.StructDef
	// Tenant itself.
	Tenant() *lhpb.Tenant
	WorkflowMigrationPlan(name string) *lhpb.WorkflowMigrationPlan
}

// Catalog gives the metadata as of a version: the same version, the same answers.
type Catalog interface {
	At(version uint64, tenant string) Specs
}

// Config holds the limits of the engine. All replicas of a partition must have the same.
type Config struct {
	// Partitions is how many core streams there are, and how many repartition streams. Default 1.
	Partitions int
	// MaxThreadRuns is how many ThreadRuns of a WfRun may be active at once, at least 2; 0 sets no limit.
	// Default 0.
	MaxThreadRuns int
	// ArchiveThreadRuns is the number of active ThreadRuns from which completed ones are archived at once; never
	// more than nine tenths of MaxThreadRuns. Default 58.
	ArchiveThreadRuns int
	// InlineThreads is how many other ThreadRuns an object lists in its own row: children, and ThreadRuns that are
	// waited for. Those beyond are rows of their own. Default 64.
	InlineThreads int
	// MaxThreadDepth is how many ThreadRuns may stand one below the other, the entrypoint included. Default 128.
	MaxThreadDepth int
	// MaxPasses is how often one command may go over the ThreadRuns of a WfRun before that counts as a tight
	// loop. Default 512.
	MaxPasses int
	// MaxSteps is how many NodeRuns one record may step through before the rest goes on in a record of its
	// own. Default 1,000.
	MaxSteps int
	// FanOutChunk is how many children a record may start for a list of START_MULTIPLE_THREADS, how many entries
	// of a wait for more than InlineThreads it may look at, and how many ThreadRuns it may halt or let go on with one above them,
	// before the rest goes on in a record of its own. The original can start 64 at most: those do so at once. Default 64.
	FanOutChunk int
	// GoOnChunk is how many entries of a long wait a record may look at, and of how many children it may start a quarter, that does
	// nothing but go on with what others have left; never more than FanOutChunk. Nobody waits for it, and everybody behind it
	// does. Default 16.
	GoOnChunk int
	// MaxRecordBytes is the limit of every stored value and emitted record, at most value.MaxBytes. Default 1,047,000.
	MaxRecordBytes int
	// ApartBytes is from what encoded size on an input of a TaskRun lies outside its row. All replicas have the same. Default 512.
	ApartBytes int
	// DeleteChunk is how many objects one record may delete. Default 1,000.
	DeleteChunk int
	// MaxBulkDeletes is how many WfRuns one record of a bulk job may deal with. Default 10.
	MaxBulkDeletes int
	// FlushChunk is of how many objects one record sends on what was counted. Default 500.
	FlushChunk int
	// CorrelateChunk is to how many NodeRuns one record may send a CorrelatedEvent; fewer if it is large. Default
	// 500.
	CorrelateChunk int
	// OutputRetention is how long output records are kept at least. Default 24 hours.
	OutputRetention time.Duration
	// OutputRecords is how many output records of a tenant are kept at most. Default 1,000,000.
	OutputRecords int
}

// DefaultConfig is the Config with all defaults.
func DefaultConfig() Config {
	return Config{
		Partitions:        1,
		ArchiveThreadRuns: 58,
		InlineThreads:     64,
		MaxThreadDepth:    128,
		MaxPasses:         512,
		MaxSteps:          1_000,
		FanOutChunk:       64,
		GoOnChunk:         16,
		MaxRecordBytes:    1_047_000,
		ApartBytes:        512,
		DeleteChunk:       1_000,
		MaxBulkDeletes:    10,
		FlushChunk:        500,
		CorrelateChunk:    500,
		OutputRetention:   24 * time.Hour,
		OutputRecords:     1_000_000,
	}
}

// Validate reports the first limit out of its bounds.
func (c Config) Validate() error {
	switch {
	case c.Partitions < 1:
		return fmt.Errorf("Partitions is %d: at least 1", c.Partitions)
	case c.MaxThreadRuns != 0 && c.MaxThreadRuns < 2:
		return fmt.Errorf("MaxThreadRuns is %d: 0 or at least 2", c.MaxThreadRuns)
	case c.ArchiveThreadRuns < 1:
		return fmt.Errorf("ArchiveThreadRuns is %d: at least 1", c.ArchiveThreadRuns)
	case c.InlineThreads < 1:
		return fmt.Errorf("InlineThreads is %d: at least 1", c.InlineThreads)
	case c.MaxThreadDepth < 1:
		return fmt.Errorf("MaxThreadDepth is %d: at least 1", c.MaxThreadDepth)
	case c.MaxPasses < 1:
		return fmt.Errorf("MaxPasses is %d: at least 1", c.MaxPasses)
	case c.MaxSteps < 1:
		return fmt.Errorf("MaxSteps is %d: at least 1", c.MaxSteps)
	case c.FanOutChunk < 1:
		return fmt.Errorf("FanOutChunk is %d: at least 1", c.FanOutChunk)
	case c.GoOnChunk < 1:
		return fmt.Errorf("GoOnChunk is %d: at least 1", c.GoOnChunk)
	case c.ApartBytes < 1:
		return fmt.Errorf("ApartBytes is %d: at least 1", c.ApartBytes)
	case c.MaxRecordBytes < 4096 || c.MaxRecordBytes > value.MaxBytes:
		return fmt.Errorf("MaxRecordBytes is %d: 4096 to %d", c.MaxRecordBytes, value.MaxBytes)
	case c.DeleteChunk < 1:
		return fmt.Errorf("DeleteChunk is %d: at least 1", c.DeleteChunk)
	case c.MaxBulkDeletes < 1:
		return fmt.Errorf("MaxBulkDeletes is %d: at least 1", c.MaxBulkDeletes)
	case c.FlushChunk < 1:
		return fmt.Errorf("FlushChunk is %d: at least 1", c.FlushChunk)
	case c.CorrelateChunk < 1:
		return fmt.Errorf("CorrelateChunk is %d: at least 1", c.CorrelateChunk)
	case c.OutputRetention < time.Minute:
		return fmt.Errorf("OutputRetention is %v: at least a minute", c.OutputRetention)
	case c.OutputRecords < 1:
		return fmt.Errorf("OutputRecords is %d: at least 1", c.OutputRecords)
	}
	return nil
}

// archiveFrom is the number of active ThreadRuns from which completed ones are archived at once.
func (c Config) archiveFrom() int {
	if c.MaxThreadRuns == 0 {
		return c.ArchiveThreadRuns
	}
	return min(c.ArchiveThreadRuns, c.MaxThreadRuns*9/10)
}

// maxThreadRuns is how many ThreadRuns of a WfRun may be active at once.
func (c Config) maxThreadRuns() int {
	if c.MaxThreadRuns == 0 {
		return math.MaxInt
	}
	return c.MaxThreadRuns
}

// bytesPerListed is more than the number of a ThreadRun takes in a list of them.
const bytesPerListed = 8

// maxListed is how many ThreadRuns one node may start or wait for: their numbers are one value.
func (c Config) maxListed() int { return c.MaxRecordBytes / bytesPerListed }

// Engine applies the records of core streams. It has no state of its own.
type Engine struct {
	catalog Catalog
	config  Config
	idle    pool
}

var _ machine.Machine = (*Engine)(nil)

// New makes an engine that reads metadata from the catalog. It panics if the Config is not valid.
func New(catalog Catalog, config Config) *Engine {
	if err := config.Validate(); err != nil {
		panic("engine: " + err.Error())
	}
	return &Engine{catalog: catalog, config: config}
}

// Apply implements machine.Machine.
func (e *Engine) Apply(v machine.View, r *pb.Record) machine.Effects {
	t := e.begin(v, r.GetHeader())
	reply := t.apply(r)
	effects := machine.Refuse(reply.Err)
	if reply.Err == nil {
		effects = t.commit(reply)
	}
	t.end()
	return effects
}
