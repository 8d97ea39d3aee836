package server

import (
	"littlehorse/internal/log/kafka"
	"littlehorse/internal/machine"
)

// standbyStore is what /standby-status says of one kind of streams.
type standbyStore struct {
	StoreName  string             `json:"storeName"`
	Partitions []standbyPartition `json:"partitions"`
	// ClusterPartitions is how many there are in the cluster.
	ClusterPartitions int `json:"clusterPartitions"`
}

// standbyPartition is a hot copy; its offsets are those of the topic that it follows.
type standbyPartition struct {
	Partition     int    `json:"partition"`
	Topic         string `json:"topic"`
	CurrentOffset int64  `json:"currentOffset"`
	EndOffset     int64  `json:"endOffset"`
	CurrentLag    int64  `json:"currentLag"`
}

// coreStore is the documented name of the store of run data.
const coreStore = "core-store"

// eachStandby visits the hot copies that this server keeps.
func (s *Server) eachStandby(visit func(of machine.Stream, at kafka.Standby)) {
	if s.members == nil || s.state.Load() == stateCreated || s.members.holding == nil {
		return
	}
	for _, stream := range s.members.holding.Followed() {
		if at, follows := s.kafka.Standby(stream); follows {
			visit(stream, at)
		}
	}
}

// standbyStores are those of which this server keeps hot copies; there are none without.
func (s *Server) standbyStores() map[string]standbyStore {
	out := map[string]standbyStore{}
	s.eachStandby(func(of machine.Stream, at kafka.Standby) {
		if of.Kind != machine.Core {
			return
		}
		store := out[coreStore]
		store.StoreName, store.ClusterPartitions = coreStore, s.cfg.Partitions
		store.Partitions = append(store.Partitions, standbyPartition{int(of.Partition), at.Topic, at.At, at.End, at.Lag()})
		out[coreStore] = store
	})
	return out
}

// addStandbys tells of them in the status.
func (s *Server) addStandbys(is *status) {
	s.eachStandby(func(of machine.Stream, at kafka.Standby) {
		task := standbyTask{Partition: int(of.Partition), Lag: at.Lag(), ChangelogEndOffset: at.End}
		if of.Kind == machine.Core {
			is.CoreStandbyTasks = append(is.CoreStandbyTasks, task)
		} else {
			is.RepartitionStandbyTasks = append(is.RepartitionStandbyTasks, task)
		}
	})
}

// standbyLag is how many partitions this server keeps hot copies of, and how many entries they are behind together.
func (s *Server) standbyLag() (partitions, lag float64) {
	s.eachStandby(func(of machine.Stream, at kafka.Standby) {
		if of.Kind == machine.Core {
			partitions++
		}
		lag += float64(at.Lag())
	})
	return partitions, lag
}
