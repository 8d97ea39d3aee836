package engine

import (
	"slices"
	"strconv"
	"strings"

	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// workerExpirySeconds is how long a worker belongs to its group without a heartbeat.
const workerExpirySeconds = 90

// registerTaskWorker is the heartbeat of a worker; it answers with the servers that it should poll.
func (t *txn) registerTaskWorker(c *pb.RegisterTaskWorker) machine.Reply {
	id, def := c.GetRequest().GetTaskWorkerId(), c.GetRequest().GetTaskDefId()
	if id == "" {
		return refusef(lh.InvalidArgument, "Missing required argument 'task_worker_id'")
	}
	if def.GetName() == "" {
		return refusef(lh.InvalidArgument, "Missing required argument 'task_def_id'")
	}
	r := load[lhpb.TaskWorkerGroup](t, t.keys.TaskWorkerGroup(def.Name))
	if r.now == nil {
		r.put(t, &lhpb.TaskWorkerGroup{Id: &lhpb.TaskWorkerGroupId{TaskDefId: def}, CreatedAt: t.now})
	}
	group := r.edit(t)
	t.dropSilentWorkers(group)
	if group.TaskWorkers == nil {
		group.TaskWorkers = map[string]*lhpb.TaskWorkerMetadata{}
	}
	me := group.TaskWorkers[id]
	if me == nil {
		me = &lhpb.TaskWorkerMetadata{TaskWorkerId: id}
		group.TaskWorkers[id] = me
	}
	assign(c.GetServers(), group)
	me.LatestHeartbeat = t.now
	return answer(me)
}

// forgetTaskWorkers is what the deletion of a TaskDef leaves to do here.
func (t *txn) forgetTaskWorkers(def *lhpb.TaskDefId) machine.Reply {
	r := load[lhpb.TaskWorkerGroup](t, t.keys.TaskWorkerGroup(def.GetName()))
	r.drop(t)
	return done
}

func (t *txn) dropSilentWorkers(group *lhpb.TaskWorkerGroup) {
	for id, worker := range group.TaskWorkers { // each is judged alone
		if t.nowNs-nanos(worker.LatestHeartbeat) >= workerExpirySeconds*1_000_000_000 {
			delete(group.TaskWorkers, id)
		}
	}
}

// assign spreads the servers over the workers: every server has at least one, and every worker too.
func assign(servers []*lhpb.LHHostInfo, group *lhpb.TaskWorkerGroup) {
	hosts := slices.Clone(servers)
	slices.SortFunc(hosts, func(a, b *lhpb.LHHostInfo) int { return strings.Compare(hostPort(a), hostPort(b)) })
	ids := make([]string, 0, len(group.TaskWorkers))
	for id, worker := range group.TaskWorkers {
		worker.Hosts = nil
		ids = append(ids, id)
	}
	if len(hosts) == 0 {
		return
	}
	slices.Sort(ids)
	for i, h := range hosts {
		worker := group.TaskWorkers[ids[i%len(ids)]]
		worker.Hosts = append(worker.Hosts, h)
	}
	for j := len(hosts); j < len(ids); j++ {
		group.TaskWorkers[ids[j]].Hosts = []*lhpb.LHHostInfo{hosts[(j-len(hosts))%len(hosts)]}
	}
}

func hostPort(h *lhpb.LHHostInfo) string { return h.GetHost() + ":" + strconv.Itoa(int(h.GetPort())) }
