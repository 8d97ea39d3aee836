package kafka

import (
	"fmt"

	"littlehorse/internal/log"
	"littlehorse/internal/pb"
)

// firstEngine is the engine version of a stream that says nothing of it.
const firstEngine = 1

// Raise says that all servers of the cluster know the engine version: the streams that this process owns, or comes to own, go over to it.
func (l *Log) Raise(version uint32) {
	l.agreed.Store(version)
	for _, st := range l.streams {
		st.raise(version)
	}
}

// raise appends that the records behind are of the version, if they are of an earlier one and this process is the owner.
func (st *stream) raise(version uint32) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if !st.held || st.closed || version <= st.engine || version > st.log.cfg.Engine {
		return
	}
	st.send(st.note(&pb.LogNote{Note: &pb.LogNote_Engine{Engine: &pb.LogEngine{Version: version}}}), nil)
}

// readEngine lets the stream go over to a version, if it is a later one.
func (st *stream) readEngine(version uint32) error {
	if version > st.log.cfg.Engine {
		return newer(version, st.log.cfg.Engine)
	}
	st.engine = max(st.engine, version)
	return nil
}

// knows refuses a position behind which records are of an engine version that this program does not know.
func (l *Log) knows(at *pb.LogPosition) error {
	if at.GetEngine() > l.cfg.Engine {
		return newer(at.Engine, l.cfg.Engine)
	}
	return nil
}

func newer(version, known uint32) error {
	return fmt.Errorf("%w (version %d, it knows those up to %d)", log.ErrNewer, version, known)
}
