package cluster

import (
	"context"
	"time"

	"littlehorse/internal/pb"
)

// pollsTime bounds the wait for counts.
const pollsTime = time.Second

// Polls sums up the requests of workers for a task that lie open at the members. One that does not answer at once has none
// that count.
func (p *Peers) Polls(ctx context.Context, members []*pb.Member, tenant, taskDef string) (sum int) {
	ctx, cancel := context.WithTimeout(ctx, pollsTime)
	defer cancel()
	counts := make(chan int, len(members))
	for _, m := range members {
		go func() { counts <- p.pollsAt(ctx, m, tenant, taskDef) }()
	}
	for range members {
		sum += <-counts
	}
	return sum
}

func (p *Peers) pollsAt(ctx context.Context, m *pb.Member, tenant, taskDef string) int {
	client, outgoing, refusal := p.reach(ctx, m, MetadataStream)
	if refusal != nil {
		return 0
	}
	reply, err := client.Polls(outgoing, &pb.PollsRequest{Tenant: tenant, TaskDef: taskDef})
	if err != nil {
		return 0
	}
	return int(reply.Open)
}
