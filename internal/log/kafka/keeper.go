package kafka

import (
	"fmt"
	"sync"
)

// keeper commits what is nothing for lanes, for they commit only when they have applied something; and it sends what has
// waited in outboxes.
type keeper struct {
	mu       sync.Mutex
	streams  []*stream
	outboxes []*outbox
	wake     chan struct{}

	stop    chan struct{}
	stopped sync.Once
}

func (k *keeper) add(st *stream) {
	k.mu.Lock()
	k.streams = append(k.streams, st)
	k.mu.Unlock()
	k.signal()
}

func (k *keeper) addOutbox(o *outbox) {
	k.mu.Lock()
	k.outboxes = append(k.outboxes, o)
	k.mu.Unlock()
	k.signal()
}

func (k *keeper) signal() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *keeper) take() ([]*stream, []*outbox) {
	k.mu.Lock()
	defer k.mu.Unlock()
	streams, outboxes := k.streams, k.outboxes
	k.streams, k.outboxes = nil, nil
	return streams, outboxes
}

func (k *keeper) end() { k.stopped.Do(func() { close(k.stop) }) }

// keep works for the keeper until the log ends.
func (l *Log) keep() {
	for {
		if err := l.keepAll(l.keeper.take()); err != nil {
			l.fail(err)
			return
		}
		select {
		case <-l.keeper.wake:
		case <-l.keeper.stop:
			return
		}
	}
}

func (l *Log) keepAll(streams []*stream, outboxes []*outbox) error {
	for _, st := range streams {
		if err := l.keepStream(st); err != nil {
			return fmt.Errorf("commit %s: %w", st.id, err)
		}
	}
	for _, o := range outboxes {
		if err := o.goOn(); err != nil {
			return fmt.Errorf("send what %s emitted: %w", o.from.id, err)
		}
	}
	return nil
}

func (l *Log) keepStream(st *stream) error {
	s := st.ownedBy()
	if s == nil {
		return nil
	}
	s.commit <- struct{}{}
	defer func() { <-s.commit }()
	if s.turns.Err() != nil || st.ownedBy() != s {
		return nil
	}
	st.mu.Lock()
	covered := st.items[:st.ripe()]
	st.mu.Unlock()
	if len(covered) == 0 {
		return nil
	}
	b := l.cfg.Store.NewBatch(0)
	p := progress{covered: map[*stream][]item{st: covered}}
	var err error
	if p.delivered, err = st.addProgress(b, covered, nil); err == nil {
		err = s.addChanged(b, &p)
	}
	if err != nil {
		b.Discard()
		return err
	}
	if err := b.CommitUnsynced(); err != nil {
		return err
	}
	if covered[0].cut != "" {
		st.atCut(covered[0].cut, covered[0].next) // nothing else of the stream is committed meanwhile
	}
	if err := s.follow(p, nil); err != nil {
		return err
	}
	st.mu.Lock()
	owner := st.show()
	st.mu.Unlock()
	st.tell(owner)
	return nil
}
