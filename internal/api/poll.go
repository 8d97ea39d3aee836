package api

import (
	"bytes"
	"slices"

	"littlehorse/lhpb"
)

// keptPoll bounds the bytes of a request that are kept to know it again.
const keptPoll = 1 << 10

// polls is a PollTask stream. A worker asks with the same words each time: they are read once.
type polls struct {
	lhpb.LittleHorse_PollTaskServer
	call *call

	bytes []byte
	last  *lhpb.PollTaskRequest // of those bytes
}

// Recv gives the next request. Several may be one and the same, which nobody changes.
func (p *polls) Recv() (_ *lhpb.PollTaskRequest, err error) {
	c := p.call
	defer c.rpc.caught(&err) // the goroutine is the queues'
	if err := c.hear(c.stream, &c.request); err != nil {
		return nil, err
	}
	b := c.request.data.ReadOnlyData()
	if p.last != nil && bytes.Equal(b, p.bytes) {
		c.request.data.Free()
		c.rpc.metrics.Received.Inc()
		return p.last, nil
	}
	p.last, p.bytes = nil, nil
	if len(b) <= keptPoll {
		p.bytes = slices.Clone(b)
	}
	r := &lhpb.PollTaskRequest{}
	if err := c.rpc.read(&c.request, r); err != nil {
		return nil, err
	}
	c.rpc.metrics.Received.Inc()
	if p.bytes != nil {
		p.last = r
	}
	return r, nil
}
