package api

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// The output topics of a tenant.
const (
	ExecutionTopic = "execution"
	MetadataTopic  = "metadata"
)

// LatestPosition stands for the end of a topic as it is now: what comes later is read.
const LatestPosition = "latest"

const (
	// mostOutputRows are read of one partition before the next has its turn, fewer if they are large: a reader that
	// does not take what he asked for holds no more than one batch.
	mostOutputRows  = 64
	fewOutputBytes  = 128 << 10
	manyOutputBytes = 1 << 20
	// maxOutputReaders bounds what readers can hold together.
	maxOutputReaders = 64
)

// outputNeeds is what a reader of output topics must be allowed: to read everything. The values are not masked;
// whoever may read all resources may poll every task, too, and is given them unmasked there.
var outputNeeds = one(everything, read)

// Output reads an output topic of one tenant: all partitions as one, each in its order. It is used by one goroutine.
type Output struct {
	service  *Service
	listener *Listener
	tenant   keys.Tenant
	mark     queryMark
	metadata bool
	streams  []machine.Stream
	next     []uint64    // number of the next record of each stream
	unread   []bool      // streams that may have more
	lost     []OutputGap // found at the beginning and not told yet
	turn     int         // the stream that is looked at first
	rows     int         // of the next read
	judged   time.Time
	bell     *outputBell
}

// OutputBatch is what a reader is given at once. Gaps come before the records.
type OutputBatch struct {
	Records []OutputRecord
	// Gaps are what was deleted before it was read.
	Gaps []OutputGap
	// Position behind all that was given so far.
	Position string
}

// OutputRecord is one record of an output topic.
type OutputRecord struct {
	Partition int
	Number    uint64
	// Key as in the Kafka topic.
	Key   string
	Value proto.Message
}

// OutputGap are records of one partition that are gone: First and all up to Last.
type OutputGap struct {
	Partition   int
	First, Last uint64
}

// OpenOutput admits a reader of an output topic as any call is admitted, and puts him behind a position: one that
// Next has given, LatestPosition, or "" for the oldest record that is kept. Whoever opens it closes it.
func (s *Service) OpenOutput(ctx context.Context, l *Listener, topic, position string) (*Output, error) {
	caller := &call{Context: ctx, listener: l}
	if refused := s.admit(caller, outputNeeds); refused != nil {
		return nil, refused
	}
	o := &Output{service: s, listener: l, tenant: keys.In(caller.tenant), rows: 1, judged: s.now()}
	switch topic {
	case ExecutionTopic:
		o.streams = s.cfg.Routing.Streams()
	case MetadataTopic:
		o.streams, o.metadata = []machine.Stream{s.cfg.Routing.Metadata()}, true
	default:
		return nil, lh.Errorf(lh.NotFound, "There is no output topic %q, only %s and %s", topic, ExecutionTopic, MetadataTopic)
	}
	o.mark = markOf("output/"+topic, o.tenant.Name(), &pb.Empty{})
	bell, refused := s.outputs.open(o.tenant.Name(), o.streams)
	if refused != nil {
		return nil, refused
	}
	o.bell = bell
	if err := o.begin(caller, position); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

// Close ends the reader.
func (o *Output) Close() { o.service.outputs.close(o.bell) }

// begin finds the number of the first record of each stream.
func (o *Output) begin(ctx context.Context, position string) error {
	o.next, o.unread = make([]uint64, len(o.streams)), make([]bool, len(o.streams))
	var given []uint64
	if position != "" && position != LatestPosition {
		var refused *lh.Error
		if given, refused = o.parse(position); refused != nil {
			return refused
		}
	}
	exists := o.service.definitions.Tenant(o.tenant.Name()).GetOutputTopicConfig() != nil
	for i, stream := range o.streams {
		log, err := get[pb.OutputLog](ctx, o.service, stream, o.tenant.OutputLog())
		if err != nil {
			return err
		}
		exists = exists || log != nil
		o.unread[i] = true
		switch {
		case position == LatestPosition:
			o.next[i] = log.GetNext()
		case given == nil:
			o.next[i] = log.GetFirst()
		case given[i] < log.GetFirst():
			o.lost = append(o.lost, OutputGap{i, given[i], log.First - 1})
			o.next[i] = log.First
		case given[i] > log.GetNext():
			return lh.Errorf(lh.InvalidArgument, "The position is ahead of what is kept here: it belongs to another store, or to a later state of this one")
		default:
			o.next[i] = given[i]
		}
	}
	if !exists {
		return lh.Errorf(lh.NotFound, "Tenant %s has no output topics: put it with an output_topic_config", o.tenant.Name())
	}
	return nil
}

// Position behind all that was given so far.
func (o *Output) Position() string {
	b := make([]byte, 0, 16+3*len(o.next))
	for _, n := range o.next {
		b = binary.AppendUvarint(b, n)
	}
	return base64.RawURLEncoding.EncodeToString(encodeBookmark(o.mark, string(b)))
}

func (o *Output) parse(position string) ([]uint64, *lh.Error) {
	raw, err := base64.RawURLEncoding.DecodeString(position)
	if err != nil || len(raw) <= 1+markLen || raw[0] != bookmarkVersion {
		return nil, lh.Errorf(lh.InvalidArgument, "The position is not one that this server gives: leave it out to begin with the oldest record that is kept")
	}
	if queryMark(raw[1:1+markLen]) != o.mark {
		return nil, lh.Errorf(lh.InvalidArgument, "The position belongs to another topic or tenant")
	}
	numbers, raw := make([]uint64, len(o.streams)), raw[1+markLen:]
	for i := range numbers {
		n, size := binary.Uvarint(raw)
		if size <= 0 {
			return nil, lh.Errorf(lh.InvalidArgument, "The position is not one that this server gives: it is cut off")
		}
		numbers[i], raw = n, raw[size:]
	}
	if len(raw) > 0 {
		return nil, lh.Errorf(lh.InvalidArgument, "The position is not one that this server gives: something follows it")
	}
	return numbers, nil
}

// Next gives the next records: at once if there are any, else when there are, or nothing after patience. Rights and
// tokens do not hold for ever: from time to time the caller is judged again, and may lose the right to go on.
func (o *Output) Next(ctx context.Context, patience time.Duration) (OutputBatch, error) {
	if err := o.judge(ctx); err != nil {
		return OutputBatch{}, err
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	var look <-chan time.Time
	if o.elsewhere() {
		every := time.NewTicker(lookEvery)
		defer every.Stop()
		look = every.C
	}
	for {
		batch, err := o.read(ctx)
		if err != nil || !batch.empty() {
			return batch, err
		}
		select {
		case <-o.bell.rung:
			o.bell.take(o.unread)
		case <-look:
			o.elsewhere()
		case <-timeout.C:
			return batch, nil
		case <-o.service.closing:
			return OutputBatch{}, shuttingDown()
		case <-ctx.Done():
			return OutputBatch{}, ctx.Err()
		}
	}
}

// lookEvery is how often a reader looks for records in the streams that other servers serve.
const lookEvery = 200 * time.Millisecond

// elsewhere notes that the streams which other servers serve may have records: nobody rings for them. It tells whether there are any.
func (o *Output) elsewhere() (any bool) {
	for i, stream := range o.streams {
		if !o.service.cfg.Routing.Here(stream) {
			o.unread[i], any = true, true
		}
	}
	return any
}

func (b OutputBatch) empty() bool { return len(b.Records)+len(b.Gaps) == 0 }

// judgeEvery is how long a decision about a reader holds.
const judgeEvery = 10 * time.Second

func (o *Output) judge(ctx context.Context) error {
	now := o.service.now()
	if now.Sub(o.judged) < judgeEvery {
		return nil
	}
	if refused := o.service.admit(&call{Context: ctx, listener: o.listener}, outputNeeds); refused != nil {
		return refused
	}
	o.judged = now
	return nil
}

// read gives what is there of the first stream in turn that has anything.
func (o *Output) read(ctx context.Context) (OutputBatch, error) {
	if lost := o.lost; len(lost) > 0 {
		o.lost = nil
		return OutputBatch{Gaps: lost, Position: o.Position()}, nil
	}
	for range o.streams {
		i := o.turn
		o.turn = (o.turn + 1) % len(o.streams)
		if !o.unread[i] {
			continue
		}
		batch, err := o.readStream(ctx, i)
		if err != nil || !batch.empty() {
			return batch, err
		}
	}
	return OutputBatch{Position: o.Position()}, nil
}

func (o *Output) readStream(ctx context.Context, i int) (out OutputBatch, err error) {
	rows, err := o.service.cfg.Routing.Scan(ctx, o.streams[i], o.tenant.Output(o.next[i]), o.tenant.Outputs().End(), o.rows)
	if err != nil {
		return out, err
	}
	o.unread[i] = len(rows) == o.rows
	size := 0
	for _, row := range rows {
		size += len(row.Value)
		_, number, err := keys.ParseOutput(row.Key)
		if err != nil {
			return out, err
		}
		if number > o.next[i] {
			out.Gaps = append(out.Gaps, OutputGap{i, o.next[i], number - 1})
		}
		r, err := o.record(row.Value)
		if err != nil {
			return out, err
		}
		r.Partition, r.Number = i, number
		out.Records = append(out.Records, r)
		o.next[i] = number + 1
	}
	switch {
	case size > manyOutputBytes:
		o.rows = 1
	case size < fewOutputBytes:
		o.rows = min(2*o.rows, mostOutputRows)
	}
	out.Position = o.Position()
	return out, nil
}

func (o *Output) record(value []byte) (OutputRecord, error) {
	if o.metadata {
		r, err := decode[lhpb.MetadataOutputTopicRecord](value)
		return OutputRecord{Key: metadataKey(r), Value: r}, err
	}
	r, err := decode[lhpb.OutputTopicRecord](value)
	return OutputRecord{Key: executionKey(r), Value: r}, err
}

// executionKey is what decides of the partition: the root of the WfRun, or the key of a CorrelatedEvent.
func executionKey(r *lhpb.OutputTopicRecord) string {
	if e := r.GetCorrelatedEvent(); e != nil {
		return e.Id.GetKey()
	}
	for _, id := range []*lhpb.WfRunId{
		r.GetWfRun().GetId(), r.GetTaskRun().GetId().GetWfRunId(), r.GetUserTaskRun().GetId().GetWfRunId(),
		r.GetVariable().GetId().GetWfRunId(), r.GetExternalEvent().GetId().GetWfRunId(),
		r.GetWorkflowEvent().GetId().GetWfRunId(), r.GetTaskCheckpoint().GetId().GetTaskRun().GetWfRunId(),
	} {
		if id != nil {
			return lh.RootWfRunID(id)
		}
	}
	return ""
}

// metadataKey is the kind and the id of the definition.
func metadataKey(r *lhpb.MetadataOutputTopicRecord) string {
	switch d := r.MetadataRecord.(type) {
	case *lhpb.MetadataOutputTopicRecord_WfSpec:
		return fmt.Sprintf("WF_SPEC/%s/%05d/%05d", d.WfSpec.Id.GetName(), d.WfSpec.Id.GetMajorVersion(), d.WfSpec.Id.GetRevision())
	case *lhpb.MetadataOutputTopicRecord_TaskDef:
		return "TASK_DEF/" + d.TaskDef.Id.GetName()
	case *lhpb.MetadataOutputTopicRecord_ExternalEventDef:
		return "EXTERNAL_EVENT_DEF/" + d.ExternalEventDef.Id.GetName()
	case *lhpb.MetadataOutputTopicRecord_WorkflowEventDef:
		return "WORKFLOW_EVENT_DEF/" + d.WorkflowEventDef.Id.GetName()
	case *lhpb.MetadataOutputTopicRecord_UserTaskDef:
		return fmt.Sprintf("USER_TASK_DEF/%s/%05d", d.UserTaskDef.Name, d.UserTaskDef.Version)
	case *lhpb.MetadataOutputTopicRecord_StructDef:
		return fmt.Sprintf("STRUCT_DEF/%s/%05d", d.StructDef.Id.GetName(), d.StructDef.Id.GetVersion())
	default:
		return ""
	}
}

// outputReaders are the open readers.
type outputReaders struct {
	mu    sync.RWMutex
	bells []*outputBell
}

// outputBell tells a reader of the streams that have new records for him.
type outputBell struct {
	records keys.Key // prefix of the records
	streams []machine.Stream
	rung    chan struct{}
	mu      sync.Mutex
	fresh   []bool
}

// OutputReaders is how many readers of output topics there are.
func (s *Service) OutputReaders() int {
	s.outputs.mu.RLock()
	defer s.outputs.mu.RUnlock()
	return len(s.outputs.bells)
}

func (r *outputReaders) open(tenant string, streams []machine.Stream) (*outputBell, *lh.Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.bells) >= maxOutputReaders {
		return nil, lh.Errorf(lh.ResourceExhausted, "There are %d readers of output topics already", maxOutputReaders)
	}
	b := &outputBell{
		records: keys.In(tenant).Outputs(), streams: streams,
		rung: make(chan struct{}, 1), fresh: make([]bool, len(streams)),
	}
	r.bells = append(r.bells, b)
	return b, nil
}

func (r *outputReaders) close(b *outputBell) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bells = slices.DeleteFunc(r.bells, func(other *outputBell) bool { return other == b })
}

// committed wakes those who have something to read.
func (r *outputReaders) committed(stream machine.Stream, changes []machine.Change) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, b := range r.bells {
		i := slices.Index(b.streams, stream)
		if i >= 0 && slices.ContainsFunc(changes, func(c machine.Change) bool { return c.Value != nil && c.Key.HasPrefix(b.records) }) {
			b.ring(i)
		}
	}
}

func (b *outputBell) ring(stream int) {
	b.mu.Lock()
	b.fresh[stream] = true
	b.mu.Unlock()
	select {
	case b.rung <- struct{}{}:
	default:
	}
}

// take marks the streams that have something new.
func (b *outputBell) take(unread []bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, fresh := range b.fresh {
		unread[i] = unread[i] || fresh
		b.fresh[i] = false
	}
}
