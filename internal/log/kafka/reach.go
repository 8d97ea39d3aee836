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

// A broker is asked askedEach times in a session, and is to answer before it is asked again. One that misses some in a row is doubtful,
// or cut: a process that stood still misses one.
const (
	askedEach      = 10
	doubtfulMisses = 2
	cutMisses      = askedEach / 2
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
	led    map[*stream]int32 // who leads what, as of a broker that has answered; nil if all have, or none knew
}

func newReach(l *Log, client *kgo.Client, session time.Duration) *reach {
	return &reach{log: l, client: client, every: session / askedEach, missed: map[int32]int{}}
}

// run asks all brokers again and again, until ctx ends. After each round it calls heard, if it is not nil.
func (r *reach) run(ctx context.Context, heard func()) {
	next := time.NewTicker(r.every)
	defer next.Stop()
	for {
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
		if r.log.stalls(stalledRounds * r.every) {
			r.log.producer.ForceMetadataRefresh()
			r.log.consumer.ForceMetadataRefresh()
		}
		r.ask(ctx)
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

func (r *reach) ask(outer context.Context) {
	ctx, cancel := context.WithTimeout(outer, r.every)
	defer cancel()
	brokers := r.leaders()
	missing := make(chan int32, len(brokers))
	var asking sync.WaitGroup
	for id := range brokers {
		asking.Go(func() {
			if _, err := r.client.Broker(int(id)).Request(ctx, kmsg.NewPtrApiVersionsRequest()); err != nil {
				missing <- id
			}
		})
	}
	asking.Wait()
	close(missing)
	missed, doubtful := r.count(missing)
	var led map[*stream]int32
	if doubtful {
		led = r.askLeaders(outer, brokers, missed)
		r.log.producer.ForceMetadataRefresh()
		r.client.ForceMetadataRefresh() // a broker may have moved
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if doubtful && led == nil {
		led = r.led
	}
	r.missed, r.led = missed, led
}

// count adds to what was missed before. It tells whether one of the brokers is doubtful by now.
func (r *reach) count(missing <-chan int32) (missed map[int32]int, doubtful bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	missed = map[int32]int{}
	for id := range missing {
		missed[id] = r.missed[id] + 1
		doubtful = doubtful || missed[id] >= doubtfulMisses
	}
	return missed, doubtful
}

// askLeaders asks one of the brokers that have answered who leads what: another may lead what a silent one led, and the clients that append and
// read learn of it only when there is something to append or to read. Nil if it is not told.
func (r *reach) askLeaders(ctx context.Context, brokers map[int32]bool, missed map[int32]int) map[*stream]int32 {
	ctx, cancel := context.WithTimeout(ctx, r.every)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	for name := range r.log.byTopic {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	for id := range brokers {
		if missed[id] > 0 {
			continue
		}
		resp, err := r.client.Broker(int(id)).Request(ctx, req)
		if err != nil {
			continue
		}
		led := map[*stream]int32{}
		for _, t := range resp.(*kmsg.MetadataResponse).Topics {
			if t.Topic == nil {
				continue
			}
			for _, p := range t.Partitions {
				if st := r.log.byTopic[*t.Topic][p.Partition]; st != nil {
					led[st] = p.Leader
				}
			}
		}
		return led
	}
	return nil
}

func (r *reach) leaders() map[int32]bool {
	all := map[int32]bool{}
	for _, st := range r.log.streams {
		if id := r.leader(st); id >= 0 {
			all[id] = true
		}
	}
	return all
}

// leader is the broker that leads the commands of a stream, as far as is known; negative if it is not.
func (r *reach) leader(st *stream) int32 {
	r.mu.Lock()
	id, known := r.led[st]
	r.mu.Unlock()
	if known {
		return id
	}
	id, _, err := r.log.producer.PartitionLeader(st.commands.name, st.partition)
	if err != nil {
		return -1
	}
	return id
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
