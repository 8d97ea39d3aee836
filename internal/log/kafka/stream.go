package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/log"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// item is an entry of the topic that has been read, and where the stream is behind it.
type item struct {
	next   int64  // offset in the topic
	leader int32  // epoch of the broker that took the entry
	offset uint64 // of the stream
	epoch  uint64 // of its ownership
	engine uint32 // version as of which what comes next is applied
	bytes  int

	record    *pb.Record // nil if the entry is nothing for lanes
	atNs      int64
	source    string   // "" if the entry moves none
	number    uint64   // last of the source
	forgotten []string // sources
	delivered *pb.LogDelivered
	covered   *pb.LogCovered
	cut       string // name of a barrier that all before it is to be committed at; "" if it is none
}

// last is the last number of a source, and when it came.
type last struct {
	number uint64
	atNs   int64
}

// stream is one partition of a command topic.
type stream struct {
	log       *Log
	id        machine.Stream
	source    string // name of its outbox
	partition int32
	commands  *topic
	changeLog *topic

	mu     sync.Mutex
	closed bool

	// Of whoever appends.
	flying int       // sent and not acknowledged
	moved  time.Time // when the first of them was sent, or something was acknowledged since
	acked  int64     // highest offset acknowledged to this process; -1 before the first

	// As of the last entry read.
	next     int64
	leader   int32
	offset   uint64
	epoch    uint64
	engine   uint32
	accepted map[string]last

	items     []item // read and not committed
	bytes     int
	paused    bool   // nothing more is fetched
	committed uint64 // offset of the last committed record
	reached   int64  // offset in the topic behind the last committed entry
	high      int64  // where the topic ended when it was fetched last

	owner  *Session
	taken  int    // items that the owner has passed
	listed bool   // the owner knows that there is something to take
	parked bool   // the next record waits for the catalog
	end    int64  // where the topic ended when the owner came
	asked  bool   // the owner's claim is on its way
	mine   uint64 // epoch of the owner; 0 as long as he only follows
	since  int64  // offset of his claim
	held   bool   // he has committed all before his claim
	caught bool   // he only follows, and has committed all that was there when he came
	lost   bool   // another process owns the stream now

	version     uint64 // of the catalog, that what the store has needs
	uncovered   uncovered
	checkpoints []checkpointed // that the command topic still holds
	cuts        int            // appended to be read back
	cut         *moment        // that is waited for; nil if none is
	comparison  comparison     // of states
	fetched     bool           // of whoever polls

	outboxMu sync.Mutex
	outboxes map[*stream]*outbox // its own, by target
}

func (l *Log) newStream(id machine.Stream, commands, changes *topic) *stream {
	return &stream{
		log: l, id: id, source: log.OutboxSource(id), partition: int32(id.Partition), commands: commands, changeLog: changes,
		acked: -1, leader: -1, accepted: map[string]last{}, outboxes: map[*stream]*outbox{},
	}
}

// stored is how far the store is.
func (st *stream) stored() (*pb.LogPosition, error) {
	p := &pb.LogPosition{LeaderEpoch: -1}
	if err := st.log.cfg.Store.View(st.id, keys.Position(), p.UnmarshalVT); err != nil {
		return nil, err
	}
	if len(p.Topic) > 0 && string(p.Topic) != string(st.commands.id[:]) {
		return nil, fmt.Errorf("%w: topic %s was made anew since", ErrLost, st.commands.name)
	}
	if err := st.log.knows(p); err != nil {
		return nil, fmt.Errorf("%s: %w", st.id, err)
	}
	return p, nil
}

// reload takes the stream back to what the store holds of it: how far it is, its sources and its outboxes. What was read
// and not committed is forgotten.
func (st *stream) reload() error {
	p, err := st.stored()
	if err != nil {
		return err
	}
	if err := st.usable(); err != nil {
		return err
	}
	accepted, err := st.storedSources()
	if err != nil {
		return err
	}
	if err := st.restoreOutboxes(); err != nil {
		return fmt.Errorf("outboxes: %w", err)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.next, st.leader, st.offset, st.epoch, st.committed, st.reached = p.Next, p.LeaderEpoch, p.Value, p.Epoch, p.Value, p.Next
	st.engine = max(firstEngine, p.Engine)
	st.accepted, st.items, st.bytes, st.paused, st.taken = accepted, nil, 0, false, 0
	st.comparison.ours, st.comparison.theirs = hashed{}, hashed{}
	return st.loadCovered(time.Now())
}

func (st *stream) storedSources() (map[string]last, error) {
	accepted := map[string]last{}
	return accepted, st.log.eachRow(st.id, keys.Sources(), func(k keys.Key, value []byte) error {
		name, err := keys.ParseSource(k)
		if err != nil {
			return err
		}
		s := &pb.LogSource{}
		if err := s.UnmarshalVT(value); err != nil {
			return err
		}
		accepted[name] = last{s.Value, s.AtNs}
		return nil
	})
}

// loadCovered reads what the change log has, and what it lacks. When it was written nobody knows any more. The stream's
// mutex must be held.
func (st *stream) loadCovered(now time.Time) error {
	version, covered := &pb.Counter{}, &pb.LogCovered{}
	if err := st.log.cfg.Store.View(st.id, keys.Version(), version.UnmarshalVT); err != nil {
		return err
	}
	if err := st.log.cfg.Store.View(st.id, keys.Covered(), covered.UnmarshalVT); err != nil {
		return err
	}
	st.version, st.uncovered, st.checkpoints = version.Value, uncovered{}, nil
	switch {
	case string(covered.Topic) == string(st.changeLog.id[:]):
		st.checkpoints = []checkpointed{{now, covered.Next}}
	case st.offset > 0: // without a record there is no state
		st.uncovered.since = now
	}
	return st.log.eachRow(st.id, keys.AllChanged(), func(_ keys.Key, row []byte) error {
		st.uncovered.add(int64(len(row)), now)
		return nil
	})
}

// eachRow visits the rows under a prefix, until the first error.
func (l *Log) eachRow(of machine.Stream, prefix keys.Key, visit func(k keys.Key, value []byte) error) error {
	rows, err := l.cfg.Store.Rows(of, prefix, prefix.End())
	if err != nil {
		return err
	}
	var problem error
	err = rows.Each(func(k keys.Key, value []byte) bool {
		problem = visit(k, value)
		return problem == nil
	})
	if closing := rows.Close(); err == nil {
		err = closing
	}
	if problem != nil {
		return problem
	}
	return err
}

// fits compares where the topic begins and ends with what the store has applied of it.
func (st *stream) fits(b bounds) error {
	if start := b.start(st); st.next < start {
		return fmt.Errorf("%w: %s/%d begins at offset %d, and what lies between it and offset %d was never applied here",
			ErrLost, st.commands.name, st.partition, start, st.next)
	}
	return st.fitsEnd(b)
}

func (st *stream) fitsEnd(b bounds) error {
	if end := b.end(st); st.next > end {
		return fmt.Errorf("%w: %s/%d ends at offset %d, and entries up to %d were applied here",
			ErrLost, st.commands.name, st.partition, end, st.next)
	}
	return nil
}

// noteHeader marks the entries that are the log's own.
const noteHeader = "lh-note"

func (st *stream) note(n *pb.LogNote) *kgo.Record {
	value, err := n.MarshalVT()
	if err != nil {
		panic(fmt.Sprintf("kafka log: a note cannot be encoded: %v", err))
	}
	return &kgo.Record{Topic: st.commands.name, Partition: st.partition, Value: value, Headers: []kgo.RecordHeader{{Key: noteHeader}}}
}

func isNote(r *kgo.Record) bool { return len(r.Headers) == 1 && r.Headers[0].Key == noteHeader }

// errStalled says that what was sent before waits too long: the brokers are away, or too few of them are in sync.
var errStalled = errors.New("the brokers have taken nothing for a while, and this has not been sent to them")

// append sends a record to the end of the topic.
func (st *stream) append(r *pb.Record) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	switch {
	case st.closed:
		return log.ErrClosed
	case st.lost:
		return log.ErrFenced
	case st.flying >= st.log.cfg.MaxRecords && !log.IsOutbox(r.GetHeader().GetSource()):
		return log.ErrFull
	case st.flying > 0 && time.Since(st.moved) > st.log.cfg.RefuseAfter:
		return errStalled
	}
	if r.Header != nil && !log.IsOutbox(r.Header.Source) {
		r.Header.Epoch = st.mine
	}
	return st.sendRecord(r, nil)
}

// sendRecord is send of a record. The stream's mutex must be held.
func (st *stream) sendRecord(r *pb.Record, acknowledged func()) error {
	value, err := r.MarshalVT()
	if err != nil {
		return fmt.Errorf("encode a record for %s: %w", st.id, err)
	}
	if most := st.log.cfg.maxMessageBytes() - headerBytes/2; len(value) > most {
		return fmt.Errorf("a record for %s has %d bytes, the topic takes %d", st.id, len(value), most)
	}
	st.send(&kgo.Record{Topic: st.commands.name, Partition: st.partition, Value: value}, acknowledged)
	return nil
}

// send gives an entry to the client, which keeps the order of them. The stream's mutex must be held.
func (st *stream) send(r *kgo.Record, acknowledged func()) {
	if st.flying == 0 {
		st.moved = time.Now()
	}
	st.flying++
	st.log.producer.TryProduce(context.Background(), r, func(r *kgo.Record, err error) {
		if err != nil {
			st.log.fail(fmt.Errorf("append to %s/%d: %w", st.commands.name, st.partition, err))
			return
		}
		st.acknowledge(r.Offset)
		if acknowledged != nil {
			acknowledged()
		}
	})
}

// acknowledge says that all up to the offset is on the in-sync replicas.
func (st *stream) acknowledge(offset int64) {
	st.mu.Lock()
	st.flying--
	st.moved = time.Now()
	st.acked = max(st.acked, offset)
	owner := st.show()
	st.mu.Unlock()
	st.tell(owner)
}

// readAll takes what a fetch brought.
func (st *stream) readAll(records []*kgo.Record) error {
	st.mu.Lock()
	if st.owner == nil {
		st.mu.Unlock() // what nobody has is not fetched for long, and read again when somebody comes
		return nil
	}
	var fenced *Session
	for _, r := range records {
		if err := st.read(r); err != nil {
			st.mu.Unlock()
			return err
		}
		if st.owner != nil && st.mine != 0 && st.epoch != st.mine {
			fenced, st.lost = st.owner, true
			break
		}
	}
	st.claim()
	st.hold()
	owner := st.show()
	st.mu.Unlock()
	if fenced != nil {
		fenced.fence(st)
		return nil
	}
	st.tell(owner)
	return nil
}

// read takes one entry. What becomes of it follows from the entries before it and nothing else.
func (st *stream) read(r *kgo.Record) error {
	if r.Offset != st.next {
		return fmt.Errorf("%w: it goes on at offset %d, not %d", ErrLost, r.Offset, st.next)
	}
	it := item{next: r.Offset + 1, leader: r.LeaderEpoch, bytes: len(r.Value)}
	var err error
	switch {
	case isNote(r):
		err = st.readNote(&it, r)
	case r.Offset == 0:
		err = ErrNotOurs
	default:
		err = st.readRecord(&it, r)
	}
	if err != nil {
		return fmt.Errorf("offset %d: %w", r.Offset, err)
	}
	st.next, st.leader = it.next, it.leader
	it.offset, it.epoch, it.engine = st.offset, st.epoch, st.engine
	st.items = append(st.items, it)
	st.bytes += it.bytes
	return nil
}

func (st *stream) readNote(it *item, r *kgo.Record) error {
	n := &pb.LogNote{}
	if err := n.UnmarshalVT(r.Value); err != nil {
		return fmt.Errorf("%w: %w", ErrNotOurs, err)
	}
	if _, first := n.Note.(*pb.LogNote_Beginning); !first && r.Offset == 0 {
		return ErrNotOurs
	}
	switch n := n.Note.(type) {
	case *pb.LogNote_Beginning:
		if want := st.log.beginning(st); !proto.Equal(n.Beginning, want) {
			return fmt.Errorf("%w: it begins with %v, not with %v", ErrNotOurs, n.Beginning, want)
		}
	case *pb.LogNote_Owner:
		st.readOwner(n.Owner, r.Offset)
	case *pb.LogNote_Delivered:
		it.delivered = n.Delivered
	case *pb.LogNote_Barrier:
		if n.Barrier.Cut {
			it.cut = n.Barrier.Name
		}
	case *pb.LogNote_Engine:
		return st.readEngine(n.Engine.Version)
	case *pb.LogNote_Covered:
		it.covered = n.Covered
	default:
		return fmt.Errorf("%w: a note that this program does not know", ErrNotOurs)
	}
	return nil
}

// readOwner changes the owner, if the claim was made in time.
func (st *stream) readOwner(o *pb.LogOwner, offset int64) {
	ours := st.owner != nil && o.Session == st.owner.name
	if ours {
		st.asked = false
	}
	if o.After != st.epoch {
		return
	}
	st.epoch++
	if ours {
		st.mine, st.since = st.epoch, offset
	}
}

func (st *stream) readRecord(it *item, r *kgo.Record) error {
	rec := &pb.Record{}
	if err := rec.UnmarshalVT(r.Value); err != nil {
		return fmt.Errorf("%w: %w", ErrNotOurs, err)
	}
	hd := rec.GetHeader()
	if e := hd.GetEpoch(); e != 0 && e != st.epoch {
		return nil // of a former owner
	}
	outbox := log.IsOutbox(hd.GetSource())
	before, known := st.accepted[hd.GetSource()]
	if hd.GetNumber() <= before.number || outbox && hd.GetNumber() != before.number+1 {
		return nil
	}
	it.atNs = clock(r.Timestamp, hd.GetAtNs())
	if !known && !outbox {
		it.forgotten = st.forget(it.atNs)
	}
	st.accepted[hd.GetSource()] = last{hd.GetNumber(), it.atNs}
	it.source, it.number, it.record = hd.GetSource(), hd.GetNumber(), rec
	st.offset++
	return nil
}

// maxAhead bounds how far the clock of a server may be ahead of that of the broker.
const maxAhead = time.Second

// clock is the time of a record that was appended then by the broker's clock, and made at ns by that of a server.
func clock(appended time.Time, ns int64) int64 {
	return max(appended.UnixNano(), min(ns, appended.Add(maxAhead).UnixNano()))
}

// silence is how long a source may be silent before its last number is forgotten.
const silence = time.Hour

// forget removes the sources that are silent. It is called when one more comes, so there are never more of them than
// processes within that time.
func (st *stream) forget(nowNs int64) (names []string) {
	for name, l := range st.accepted {
		if !log.IsOutbox(name) && l.atNs < nowNs-int64(silence) {
			names = append(names, name)
			delete(st.accepted, name)
		}
	}
	slices.Sort(names)
	return names
}

// claim asks for the ownership once the owner has read all that was there when he came.
func (st *stream) claim() {
	if st.closed || st.owner == nil || !st.owner.claims.Load() || st.mine != 0 || st.asked || st.next < st.end {
		return
	}
	st.asked = true
	st.sendOwner(st.owner.name, st.epoch)
}

func (st *stream) sendOwner(session string, after uint64) {
	st.send(st.note(&pb.LogNote{Note: &pb.LogNote_Owner{Owner: &pb.LogOwner{Session: session, After: after}}}), nil)
}

// claimFor asks for the ownership if s has the stream, now that it may own it.
func (st *stream) claimFor(s *Session) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.owner == s {
		st.claim()
	}
}

// handOver makes another session the owner, if s is it. What s might still append has no effect.
func (st *stream) handOver(s *Session, to string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.owner == s && st.mine != 0 && !st.closed && !st.lost {
		st.sendOwner(to, st.mine)
	}
}

// released tells whether an item may be acted upon: an owner needs to know that it is on the in-sync replicas, for what
// is read may be on fewer. Who only follows releases nothing.
func (st *stream) released(it *item) bool { return st.mine == 0 || it.next <= st.acked+1 }

// show returns the owner if there is something that he is to be told of.
func (st *stream) show() *Session {
	if st.owner == nil || st.closed || len(st.items) == 0 {
		return nil
	}
	if st.taken == len(st.items) {
		return st.owner
	}
	if !st.released(&st.items[st.taken]) {
		st.barrier()
		return nil
	}
	return st.owner
}

// barrier makes sure that an acknowledgement will come for what waits.
func (st *stream) barrier() {
	if st.flying == 0 {
		st.send(st.note(&pb.LogNote{Note: &pb.LogNote_Barrier{Barrier: &pb.LogBarrier{}}}), nil)
	}
}

// tell lists the stream with its owner, and lets the keeper commit what is nothing for lanes.
func (st *stream) tell(owner *Session) {
	if owner == nil {
		return
	}
	st.mu.Lock()
	list := st.owner == owner && !st.listed && !st.parked && st.taken < len(st.items)
	st.listed = st.listed || list
	notes := st.owner == owner && st.ripe() > 0
	st.mu.Unlock()
	if list {
		owner.turns.List(st)
	}
	if notes {
		st.log.keeper.add(st)
	}
}

// ripe is how many items at the head are nothing for lanes and can be committed. A cut is committed alone.
func (st *stream) ripe() (n int) {
	for n < len(st.items) && st.items[n].record == nil && st.released(&st.items[n]) {
		switch {
		case st.items[n].cut == "":
		case n > 0:
			return n
		default:
			return 1
		}
		n++
	}
	return n
}

// take gives the owner up to limit of the records that he has not had; more tells whether some are left.
func (st *stream) take(s *Session, entries []log.Entry, limit int) (_ []log.Entry, more bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.owner != s {
		return entries, false
	}
	for st.taken < len(st.items) {
		it := &st.items[st.taken]
		if !st.released(it) {
			st.barrier()
			break
		}
		if it.cut != "" {
			break // the keeper commits it when all before it is committed
		}
		if st.parked = st.early(it); st.parked {
			break
		}
		if it.record != nil {
			if limit == 0 {
				st.listed = true
				return entries, true
			}
			limit--
			entries = append(entries, log.Entry{Stream: st.id, Offset: it.offset, AtNs: it.atNs, Record: it.record, Engine: it.engine})
		}
		st.taken++
	}
	st.listed = false
	return entries, false
}

// early tells whether a record names a version of the catalog that this server has not reached, or comes behind one that
// did: a checkpoint of the stream may be newer than that of the catalog.
func (st *stream) early(it *item) bool {
	version := st.log.cfg.CatalogVersion
	return version != nil && st.id.Kind != machine.Metadata && max(st.version, it.record.GetHeader().GetCatalogVersion()) > version()
}

// unpark lets the stream go on when the catalog has moved.
func (st *stream) unpark() {
	st.mu.Lock()
	var owner *Session
	if st.parked {
		st.parked, owner = false, st.show()
	}
	st.mu.Unlock()
	st.tell(owner)
}

// upTo is how many items a commit at the offset covers, with the notes behind it; ok is false if the owner never had
// them.
func (st *stream) upTo(offset uint64) (covered []item, ok bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if offset < st.committed {
		return nil, false
	}
	n := 0
	for reached := st.committed; n < len(st.items); n++ {
		it := &st.items[n]
		switch {
		case it.record == nil && n >= st.taken && !st.released(it), it.cut != "":
			return st.items[:n], reached == offset
		case it.record == nil:
		case reached == offset:
			return st.items[:n], true
		case n >= st.taken:
			return nil, false
		default:
			reached++
		}
		ok = reached == offset
	}
	return st.items[:n], ok || offset == st.committed
}

// gained is what a session has come to by a commit: it knows the stream as it was when it came, or holds it as its owner.
type gained struct{ known, held bool }

// advance forgets the first n items, which s has committed, and so many bytes were changed by them.
func (st *stream) advance(s *Session, n int, changed int64) (g gained) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.closed || n == 0 {
		return g
	}
	newest := st.items[n-1]
	for i := range n {
		st.bytes -= st.items[i].bytes
		if c := st.items[i].covered; c != nil && st.mine == 0 {
			st.coveredElsewhere(c)
		}
	}
	if changed > 0 {
		st.uncovered.add(changed, time.Now())
	}
	clear(st.items[:n])
	st.items = st.items[n:]
	st.taken = max(0, st.taken-n)
	st.committed, st.reached = newest.offset, newest.next
	st.resume()
	if st.ripe() > 0 {
		st.log.keeper.add(st) // they came while the commit ran
	}
	if st.owner != s {
		return g
	}
	g.known = s.follows && !st.caught && newest.next >= st.end
	g.held = !st.held && st.mine != 0 && newest.next > st.since
	st.caught, st.held = st.caught || g.known, st.held || g.held
	return g
}

// hold stops fetching when too much is read and not committed.
func (st *stream) hold() {
	if st.paused || len(st.items) < st.log.cfg.ReadAhead && st.bytes < st.log.cfg.ReadAheadBytes {
		return
	}
	st.paused = true
	st.log.consumer.PauseFetchPartitions(map[string][]int32{st.commands.name: {st.partition}})
}

// resume goes on fetching when half of it is committed.
func (st *stream) resume() {
	if !st.paused || len(st.items) > st.log.cfg.ReadAhead/2 || st.bytes > st.log.cfg.ReadAheadBytes/2 {
		return
	}
	st.paused = false
	st.log.consumer.ResumeFetchPartitions(map[string][]int32{st.commands.name: {st.partition}})
}

// Standby is how far a copy goes that follows a stream, in offsets of its topic.
type Standby struct {
	Topic   string
	At, End int64
}

// Lag is how many entries the copy is behind.
func (s Standby) Lag() int64 { return s.End - s.At }

// Standby tells how far the copy of a stream goes that is followed here; false if none is.
func (l *Log) Standby(of machine.Stream) (Standby, bool) {
	st := l.streams[of]
	if st == nil {
		return Standby{}, false
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.closed || st.owner == nil || st.mine != 0 {
		return Standby{}, false
	}
	return Standby{Topic: st.commands.name, At: st.reached, End: max(st.high, st.end, st.next)}, true
}

// seen notes where the topic ends.
func (st *stream) seen(high int64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.high = max(st.high, high)
}

// outrun ends the session of a stream whose topic has forgotten what comes next, if it has one. Who thinks that he owns it may have stood still for
// so long that a successor has let it forget. Whoever opens it next finds out what is lost.
func (st *stream) outrun() {
	if owner := st.ownedBy(); owner != nil {
		owner.outrun(st)
	}
}

func (st *stream) position() uint64 {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.committed
}

func (st *stream) ownedBy() *Session {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.owner
}

// holds tells whether the stream has an owner who may release what follows from it.
func (st *stream) holds() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.held && !st.closed
}

// give lets s follow the stream, which ends at the offset, and become its owner unless it only follows. It gets all that
// is not committed. It tells whether s knows all that is there already, and does not want more.
func (st *stream) give(s *Session, end int64) (caught bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.owner, st.taken, st.listed, st.parked = s, 0, false, false
	st.end, st.asked, st.mine, st.held, st.lost = end, false, 0, false, false
	st.caught = s.follows && st.next >= end
	st.claim()
	return st.caught
}

// leave ends the ownership of s, if it still is the owner. If it has not given it up itself, what comes to be appended until there is an
// owner again is refused: it has no epoch by which others could tell that it came too late.
func (st *stream) leave(s *Session, lost bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.owner == s {
		st.owner, st.taken, st.listed, st.mine, st.held, st.lost = nil, 0, false, 0, false, lost
	}
}

func (st *stream) shut() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.closed, st.items, st.taken = true, nil, 0
}
