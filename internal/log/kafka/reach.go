package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"littlehorse/internal/machine"
)

// Reach is how well a broker answers this process.
type Reach int

const (
	// Reached is a broker that answers, or of which nothing is known.
	Reached Reach = iota
	// Doubtful is one that has not answered lately: others may reach it, or nobody.
	Doubtful
	// Cut is one that has not answered for half a session.
	Cut
)

// Rounds is how often in a session each broker is asked.
const Rounds = 10

// A broker is to answer before it is asked again. One that misses some in a row is doubtful, or cut: a process that stood still misses one.
const (
	doubtfulMisses = 2
	cutMisses      = Rounds / 2
)

// reach knows which of the brokers that lead the streams of a log answer this process. What is told of its own streams by those that it
// reads and writes does not tell whether others would be answered: an idle stream says nothing, and one whose leader waits for replicas
// is silent to everybody.
type reach struct {
	log    *Log
	client *kgo.Client
	every  time.Duration

	mu     sync.Mutex
	missed map[int32]int     // how often in a row each broker has not answered
	led    map[*stream]int32 // who leads what, as a broker has said
}

func newReach(l *Log, client *kgo.Client, session time.Duration) *reach {
	return &reach{log: l, client: client, every: session / Rounds, missed: map[int32]int{}, led: map[*stream]int32{}}
}

// run asks all brokers again and again, until ctx ends. After each round it calls heard, if it is not nil.
func (r *reach) run(ctx context.Context, heard func()) {
	next := time.NewTicker(r.every)
	defer next.Stop()
	for round := 0; ; round++ {
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
		if r.log.stalls(stalledRounds * r.every) {
			r.log.producer.ForceMetadataRefresh()
			r.log.consumer.ForceMetadataRefresh()
		}
		r.ask(ctx, round%Rounds == 0)
		if ctx.Err() == nil && heard != nil {
			heard()
		}
	}
}

// stalledRounds is how many rounds an entry may be on its way to a broker and back before others are asked who leads: a broker that was cut
// from the others does not know of another, and answers as if it still did.
const stalledRounds = 2

// stalls tells whether an entry that was sent has not come back for so long.
func (l *Log) stalls(d time.Duration) bool {
	for _, st := range l.streams {
		if st.stalls(d) {
			return true
		}
	}
	return false
}

func (st *stream) stalls(d time.Duration) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return (st.flying > 0 || st.owner != nil && st.acked >= st.next) && time.Since(st.moved) > d
}

// ask asks all brokers that lead something. Who that is one of them is asked once a session, and again while one is doubtful: the clients that append and
// read learn of another leader only when there is something to append or to read, and who owns nothing yet appends nothing.
func (r *reach) ask(ctx context.Context, whoLeads bool) {
	bounded, cancel := context.WithTimeout(ctx, r.every)
	defer cancel()
	brokers := r.leaders()
	missing := make(chan int32, len(brokers))
	var asking sync.WaitGroup
	for id := range brokers {
		asking.Go(func() {
			if _, err := r.client.Broker(int(id)).Request(bounded, kmsg.NewPtrApiVersionsRequest()); err != nil {
				missing <- id
			}
		})
	}
	asking.Wait()
	close(missing)
	doubtful := r.count(missing)
	if doubtful {
		r.log.producer.ForceMetadataRefresh()
		r.client.ForceMetadataRefresh() // a broker may have moved
	}
	if doubtful || whoLeads || len(brokers) == 0 {
		r.askLeaders(ctx, brokers)
	}
}

// count adds to what was missed before. It tells whether one of the brokers is doubtful by now.
func (r *reach) count(missing <-chan int32) (doubtful bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	missed := map[int32]int{}
	for id := range missing {
		missed[id] = r.missed[id] + 1
		doubtful = doubtful || missed[id] >= doubtfulMisses
	}
	r.missed = missed
	return doubtful
}

// askLeaders asks one of the brokers that have answered who leads what, or anyone if none is known.
func (r *reach) askLeaders(ctx context.Context, brokers map[int32]bool) {
	ctx, cancel := context.WithTimeout(ctx, r.every)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	for name := range r.log.byTopic {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	if len(brokers) == 0 {
		if resp, err := r.client.Request(ctx, req); err == nil {
			r.note(resp.(*kmsg.MetadataResponse))
		}
		return
	}
	for id := range brokers {
		if r.missed[id] > 0 { // only this goroutine changes it
			continue
		}
		if resp, err := r.client.Broker(int(id)).Request(ctx, req); err == nil {
			r.note(resp.(*kmsg.MetadataResponse))
			return
		}
	}
}

// note takes who leads what. What is not said is as it was.
func (r *reach) note(told *kmsg.MetadataResponse) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range told.Topics {
		if t.Topic == nil {
			continue
		}
		for _, p := range t.Partitions {
			if st := r.log.byTopic[*t.Topic][p.Partition]; st != nil {
				r.led[st] = p.Leader
			}
		}
	}
}

// leaders are the brokers that lead the commands of some stream, as far as is known.
func (r *reach) leaders() map[int32]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[int32]bool{}
	for _, id := range r.led {
		if id >= 0 {
			all[id] = true
		}
	}
	return all
}

// leader is the broker that leads the commands of a stream; negative if it is not known.
func (r *reach) leader(st *stream) int32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id, known := r.led[st]; known {
		return id
	}
	return -1
}

func (r *reach) of(st *stream) Reach {
	id := r.leader(st)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch missed := r.missed[id]; {
	case missed >= cutMisses:
		return Cut
	case missed >= doubtfulMisses:
		return Doubtful
	default:
		return Reached
	}
}

// Reach tells how well the broker answers that leads a stream. It may be asked at any time.
func (g *Group) Reach(of machine.Stream) Reach {
	st := g.reach.log.streams[of]
	if st == nil {
		return Reached
	}
	return g.reach.of(st)
}
