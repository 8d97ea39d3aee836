package log

import (
	"context"
	"errors"
	"strings"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
)

// Errors that every log gives. They may come wrapped.
var (
	// ErrFenced says that another session has become the owner of a stream since. Nothing was committed.
	ErrFenced = errors.New("log: another session owns the stream now")
	// ErrClosed says that the log or the session is closed.
	ErrClosed = errors.New("log: closed")
	// ErrFull says that too many records of the stream wait already; the record got no place.
	ErrFull = errors.New("log: too many records wait")
	// ErrBehind says that the log has forgotten what the session was to read next. Who opens another gets the state instead.
	ErrBehind = errors.New("log: what comes next is not there any more")
	// ErrDiffers says that a copy of a stream's state is not the state that its owner has at the same record: the two have
	// not applied the same records alike. It is not to be used any more.
	ErrDiffers = errors.New("log: the copy differs from the state of its owner")
	// ErrNewer says that a stream goes on with an engine version that this program does not know.
	ErrNewer = errors.New("log: the records are of a later engine version than this program knows: it has to be replaced by a newer one")
	// ErrUnknownStream says that the log has no such stream.
	ErrUnknownStream = errors.New("log: no such stream")
)

// Log orders the records of the streams.
type Log interface {
	// Append gives the record a place at the end of its stream and takes it over. It never blocks. The header's
	// source and number are the caller's: one source numbers its records per stream upwards, with gaps allowed. A
	// record whose number is not above the last one of its source is dropped without error.
	//
	// A place in the order is not durability: that comes with the commit that passes the record, at the latest.
	Append(to machine.Stream, r *pb.Record) error
	// Open makes the caller the owner of the streams. Sessions that owned one of them before are fenced: the
	// commit that runs is waited for, later ones fail with ErrFenced.
	Open(ctx context.Context, streams []machine.Stream) (Session, error)
	// Close ends all sessions. The records in memory are gone; what was committed stays.
	Close() error
}

// Session is the ownership of some streams. Next and Commit may be called at the same time, each from one
// goroutine.
type Session interface {
	// Ready receives when records may wait since Next last returned fewer than it was asked for.
	Ready() <-chan struct{}
	// Next takes up to max of the records that wait, at once and without blocking: those after the committed
	// position first, each once a session, in order within a stream, no stream starving another. The slice is
	// valid until the next call.
	Next(max int) ([]Entry, error)
	// Commit makes changes, emitted records and positions durable, all or nothing, and returns when they are.
	// The batch is the session's from then on. After an error other than ErrFenced and ErrClosed it is unknown what
	// was written: the process must end, and must not try again.
	Commit(c Commit) error
	// Owned is closed when the session has committed all that was in the streams before it became their owner. Until then
	// nothing that follows from the records may leave, and nobody may read: the state is not yet what the world was told.
	Owned() <-chan struct{}
	// Position is the offset of the last committed record of a stream that this session owns; 0 before the first.
	Position(s machine.Stream) uint64
	// Close gives the streams up. It waits for the commit that runs.
	Close() error
}

// Follower is a Session that may follow its streams before it owns them: nothing that follows from their records leaves it
// until then.
type Follower interface {
	Session
	// Name tells the session from all others, for ever.
	Name() string
	// Claim lets it become the owner, whoever is it now.
	Claim()
	// Leads is closed when it has become the owner, as Owned is of a session that was opened for it. Owned of one that
	// only follows is closed when it has committed what was there when it was opened.
	Leads() <-chan struct{}
	// HandOver closes the session and makes another one the owner, which follows the streams: at once, for it need not claim
	// them.
	HandOver(to string) error
}

// Entry is a record at its place in a stream.
type Entry struct {
	Stream machine.Stream
	// Offset counts the records of the stream from 1, without gaps.
	Offset uint64
	// AtNs is the time that the log gives to the record, nanoseconds since 1970-01-01 UTC, and not before the
	// time in its header.
	AtNs   int64
	Record *pb.Record
	// Engine is the engine version as of which the record is to be applied; 0 is the latest.
	Engine uint32
}

// Commit is what becomes durable together.
type Commit struct {
	// Batch holds the changes of all streams.
	Batch *store.Batch
	// Emits are records for other streams. They are appended there after the commit, exactly once, in order within
	// one pair of streams, crashes or not.
	Emits []Emit
	// Positions are the offsets up to which the records of a stream are applied; streams without progress are
	// left out.
	Positions []Position
}

// Emit is a record that follows from a record of another stream. Source and number in its header are set by
// the log.
type Emit struct {
	From, To machine.Stream
	Record   *pb.Record
}

// Position is how far a stream has been applied.
type Position struct {
	Stream machine.Stream
	Offset uint64
}

// outboxPrefix begins the names of sources that are outboxes.
const outboxPrefix = "out:"

// OutboxSource names the outbox of a stream as a source. Its numbers have no gaps: only the next number is
// taken, a lower one is a double, a higher one waits to be sent again.
func OutboxSource(s machine.Stream) string { return outboxPrefix + s.String() }

// IsOutbox tells the sources whose numbers have no gaps.
func IsOutbox(source string) bool { return strings.HasPrefix(source, outboxPrefix) }
