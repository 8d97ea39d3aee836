package server

import (
	"context"
	"encoding/json"
	"net"
	"strconv"
	"sync"
	"time"

	"littlehorse/internal/dashboard"
	"littlehorse/internal/pb"
)

// askOthers is how long the other servers may take to say how they are.
const askOthers = 3 * time.Second

// tellSelf is what another server is told of this one.
func (m *membership) tellSelf() []byte {
	b, err := json.Marshal(m.server.told())
	if err != nil {
		m.server.log.Error("how this server is cannot be told", "err", err)
	}
	return b
}

// told asks all members at once how they are. Self is what this one says.
func (m *membership) told(ctx context.Context, self dashboard.Server) (members []dashboard.ServerMember, unowned []int) {
	ctx, cancel := context.WithTimeout(ctx, askOthers)
	defer cancel()
	owned := m.directory.Owned()
	all := m.directory.Members()
	members = make([]dashboard.ServerMember, len(all))
	var asking sync.WaitGroup
	for i, one := range all {
		asking.Go(func() {
			d := &members[i]
			*d = dashboard.ServerMember{
				Address: net.JoinHostPort(one.Host, strconv.Itoa(int(one.Port))), Rack: one.Rack, Version: one.Version,
				Self: one.Incarnation == m.server.incarnation,
			}
			if n, err := strconv.Atoi(one.Instance); err == nil {
				d.Instance = strconv.Itoa(n)
			}
			d.Owns, d.Metadata = m.partitionsOf(owned[one.Incarnation])
			if d.Self {
				d.Told = &self
				return
			}
			d.Told, d.Problem = m.ask(ctx, one)
		})
	}
	asking.Wait()
	unowned, _ = m.partitionsOf(owned[""])
	return members, unowned
}

// partitionsOf takes the metadata out of units.
func (m *membership) partitionsOf(units []int) (partitions []int, metadata bool) {
	partitions = []int{}
	for _, n := range units {
		if n == m.server.cfg.Partitions {
			metadata = true
		} else {
			partitions = append(partitions, n)
		}
	}
	return partitions, metadata
}

func (m *membership) ask(ctx context.Context, one *pb.Member) (*dashboard.Server, string) {
	b, err := m.peers.Tell(ctx, one)
	if err != nil {
		m.server.log.Warn("a server does not say how it is", "host", one.Host, "port", one.Port, "err", err)
		return nil, "It does not say how it is."
	}
	told := &dashboard.Server{}
	if json.Unmarshal(b, told) != nil {
		return nil, "What it says of itself cannot be read."
	}
	return told, ""
}
