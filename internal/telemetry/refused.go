package telemetry

import "sync/atomic"

// Reason says why a call was refused before anything was written.
type Reason int

// The reasons.
const (
	Unauthenticated Reason = iota // the caller could not be told
	Forbidden                     // he may not
	OverQuota                     // his Quota is used up
	TooLarge                      // the request is
	Stopping                      // the server is
	reasons
)

func (r Reason) String() string {
	return [...]string{"unauthenticated", "permission", "quota", "too_large", "stopping"}[r]
}

// Refusals counts refused calls.
type Refusals struct{ counts [reasons]atomic.Uint64 }

// Count one.
func (r *Refusals) Count(why Reason) { r.counts[why].Add(1) }

// Each visits the counts so far.
func (r *Refusals) Each(visit func(why Reason, count uint64)) {
	for why := range reasons {
		visit(why, r.counts[why].Load())
	}
}
