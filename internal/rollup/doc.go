// Package rollup is the machine of the repartition streams: what many partitions have counted within a minute
// becomes one MetricWindow an object, and one for the tenant. Core partitions send a pb.MetricUpdate for each
// object that they have counted (engine/flush.go), to the stream that its name leads to; servers send the use
// of Quotas. Updates that come late are added like any other. A timer deletes each window when it has been kept
// long enough.
//
//	m := rollup.New(rollup.DefaultConfig())
//	effects := m.Apply(view, record)
package rollup
