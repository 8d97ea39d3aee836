package engine

import "sync/atomic"

// pool holds txns that are not in use: their memory, nothing of what was in it. Lanes apply records side by side.
type pool [8]atomic.Pointer[txn]

func (p *pool) get() *txn {
	for i := range p {
		if t := p[i].Swap(nil); t != nil {
			return t
		}
	}
	return &txn{}
}

func (p *pool) put(t *txn) {
	for i := range p {
		if p[i].CompareAndSwap(nil, t) {
			return
		}
	}
}

// supply gives objects that are needed for the time of one record, and takes them back. Nothing that outlives the record
// may point into them.
type supply[T any] struct {
	all  []*T
	used int
}

// kept is how many objects of a kind stay for the next record.
const kept = 8

// take gives an empty object.
func (s *supply[T]) take() *T {
	if s.used == len(s.all) {
		if s.used == kept {
			return new(T)
		}
		s.all = append(s.all, new(T))
	}
	s.used++
	return s.all[s.used-1]
}

// refill empties what was given.
func (s *supply[T]) refill() {
	var empty T
	for _, o := range s.all[:s.used] {
		*o = empty
	}
	s.used = 0
}

// supplies are what a txn works with. They go from one to the next.
type supplies struct {
	runs    supply[wfRun]
	threads supply[threadRun]
	nodes   supply[nodeRun]
	tasks   supply[taskRun]
	vars    supply[variable]
	outputs supply[nodeOutput]
	scopes  supply[scope]
}

func (s *supplies) refill() {
	s.runs.refill()
	s.threads.refill()
	s.nodes.refill()
	s.tasks.refill()
	s.vars.refill()
	s.outputs.refill()
	s.scopes.refill()
}
