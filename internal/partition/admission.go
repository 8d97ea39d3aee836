package partition

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/telemetry"
)

// class says how early a full queue refuses a record.
type class byte

const (
	newWork  class = iota // refused first
	ongoing               // what keeps running work going
	internal              // never refused for a full queue; whoever submits it bounds it
)

// classOf gives way to what work in progress needs: refusing a report or a heartbeat would only make more work.
func classOf(r *pb.Record) class {
	switch r.GetCommand().(type) {
	case *pb.Record_ReportTask, *pb.Record_ClaimTask, *pb.Record_RegisterTaskWorker, *pb.Record_PutCheckpoint,
		*pb.Record_TimerFired, *pb.Record_Continue:
		return ongoing
	default:
		return newWork
	}
}

// waiter waits for the reply to one record.
type waiter struct {
	number uint64
	bytes  int64
	at     time.Time // when it was admitted
	trace  *telemetry.Command
	done   func(machine.Reply)
	timer  *dueTimer // that has fired; nil for other records
	line   *line     // in which it waited
	paused bool      // its line had to pause: it has waited for its own
	opens  bool      // the lane could have put it off
}

// submit admits the record and puts it in the line of its origin. Its place in the log it gets when the lane has a turn
// for it.
func (p *part) submit(r *pb.Record, c class, w waiter) {
	err := p.admit(r, c, w)
	if err == nil {
		return
	}
	w.trace.Answered(uint32(err.Code))
	if w.done != nil {
		w.done(machine.Reply{Err: err})
	}
}

func (p *part) admit(r *pb.Record, c class, w waiter) *lh.Error {
	h := p.lane.host
	version := h.cfg.CatalogVersion()
	bytes := int64(r.SizeVT())
	now := h.elapsed()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || h.draining.Load() && c != internal {
		return untouched(h.unavailable())
	}
	if refusal := h.noRoom(r, c); refusal != nil {
		h.noSpace.Add(1)
		return refusal
	}
	if c != internal && p.full(c) {
		return h.busy(h.cfg.RetryAfter)
	}
	w.opens = c == newWork && opens(r)
	if w.opens {
		if ok, hint := p.lane.pressure.admit(now, p.records.Load() > 0); !ok {
			return h.busy(hint)
		}
		p.lane.pressure.inLane.Add(1)
	}
	if c != internal {
		p.lane.asked.Store(now.UnixNano())
	}
	address(r, c, version)
	w.bytes, w.at = bytes, now
	p.fair.add(queued{record: r, waiter: w})
	p.records.Add(1)
	p.bytes.Add(bytes)
	h.pending.Add(1)
	h.pendingBytes.Add(bytes)
	if !p.calls {
		p.calls = true
		p.lane.call(p)
	}
	return nil
}

// Crowded is the refusal that a command which begins something would meet in every core partition, nil if one might take
// it: whoever has much to do before he can submit it asks first.
func (h *Host) Crowded() *lh.Error {
	now := h.elapsed()
	var last *part
	for _, s := range h.cfg.Streams {
		if s.Kind != machine.Core {
			continue
		}
		last = h.parts[s]
		if !last.full(newWork) && !last.lane.pressure.refuses(now, last.records.Load() > 0) {
			return nil
		}
	}
	if last == nil {
		return nil
	}
	return h.busy(max(h.cfg.RetryAfter, last.lane.pressure.refuse()))
}

func (h *Host) busy(again time.Duration) *lh.Error {
	h.refused.Add(1)
	return &lh.Error{Code: lh.ResourceExhausted, Message: "the partition is busy: try again", RetryAfter: again}
}

// full tells whether there is no room for the class; new work leaves the last quarter of the records and half of the bytes
// free.
func (p *part) full(c class) bool {
	h := p.lane.host
	if p.records.Load() >= h.cfg.queueRecords(c) {
		return true
	}
	pending, most := h.pendingBytes.Load(), h.cfg.PendingBytes
	if c == newWork {
		return pending >= most/2 || p.bytes.Load() >= h.cfg.QueueBytes
	}
	return pending >= most
}

// queueRecords is how many records of a partition may wait before the class is refused.
func (c *Config) queueRecords(of class) int64 {
	n := int64(c.QueueRecords)
	if of == newWork {
		n -= n / 4
	}
	return n
}

// address fills in what the header says when the record is admitted. The time is set when the lane takes the record;
// only fired timers bring one, which lies not before they were due.
func address(r *pb.Record, c class, version uint64) {
	if r.Header == nil {
		r.Header = &pb.Header{}
	}
	r.Header.CatalogVersion = max(r.Header.CatalogVersion, version)
	if c != internal {
		r.Header.AtNs = 0
	}
}

// stamp numbers a record that is about to be appended. Waiters stand in the order of numbers, which is the order in
// which the log hands the records out.
func (p *part) stamp(r *pb.Record) {
	p.number++
	hd := r.Header
	hd.Source, hd.Number = p.lane.host.cfg.Incarnation, p.number
	if len(hd.RequestId) == 0 {
		hd.RequestId = requestID(hd.Source, p.stream, hd.Number, 0)
	}
}

const requestIDBytes = 16

// requestID is the id of a record that nobody outside asked for: different for each, and the same whenever the
// same origin makes it.
func requestID(source string, s machine.Stream, number, n uint64) []byte {
	h := sha256.New()
	h.Write([]byte(source))
	var b [20]byte
	b[0] = byte(s.Kind)
	binary.BigEndian.PutUint16(b[1:], s.Partition)
	binary.BigEndian.PutUint64(b[4:], number)
	binary.BigEndian.PutUint64(b[12:], n)
	h.Write(b[:])
	return h.Sum(nil)[:requestIDBytes]
}

// take finds the waiter of a record. Waiters before it were lost on the way.
func (p *part) take(hd *pb.Header) (w waiter) {
	if hd.GetSource() != p.lane.host.cfg.Incarnation {
		return waiter{}
	}
	p.mu.Lock()
	var lost []waiter
	for len(p.waiters) > 0 && p.waiters[0].number <= hd.GetNumber() {
		w = p.waiters[0]
		p.waiters[0] = waiter{}
		p.waiters = p.waiters[1:]
		w.leave()
		if w.number < hd.GetNumber() {
			lost, w = append(lost, w), waiter{}
		}
	}
	p.mu.Unlock()
	p.refuse(lost)
	return w
}

// release forgets a record that is about to be answered.
func (p *part) release(w waiter) {
	p.records.Add(-1)
	p.bytes.Add(-w.bytes)
	p.lane.host.pendingBytes.Add(-w.bytes)
	if w.opens {
		p.lane.pressure.inLane.Add(-1)
	}
	p.lane.host.answered()
}

func (a *answer) give() {
	a.part.release(a.waiter)
	a.trace.Answered(codeOf(a.reply.Err))
	if a.done != nil {
		a.done(a.reply)
	}
}

func codeOf(refusal *lh.Error) uint32 {
	if refusal == nil {
		return 0
	}
	return uint32(refusal.Code)
}

// refuse answers waiters whose records may or may not count.
func (p *part) refuse(waiters []waiter) { p.answerAll(waiters, p.lane.host.unavailable()) }

func (p *part) answerAll(waiters []waiter, refusal *lh.Error) {
	for _, w := range waiters {
		a := answer{waiter: w, part: p, reply: machine.Reply{Err: refusal}}
		a.give()
	}
}

// shut admits nothing any more and refuses what was not taken. What the log never had may be given to somebody else.
func (p *part) shut() {
	p.mu.Lock()
	p.closed = true
	appended, queued := p.waiters, p.fair.takeAll()
	p.waiters = nil
	p.mu.Unlock()
	p.refuse(appended)
	p.answerAll(queued, untouched(p.lane.host.unavailable()))
}
