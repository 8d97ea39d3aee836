// Package keys is the map of the keyspace of one partition: one constructor a key, order-preserving
// encoding, and parsing back. The partition's own prefix is added by the store.
//
//	r  tenant WfRunId kind …        a WfRun and everything under it
//	g  tenant kind id …             other stored objects
//	t  tenant tag … created id      indexes
//	q  tenant TaskDef created id    ScheduledTasks waiting for a claim
//	x  due tenant kind id           timers, in order of time across tenants
//	n  tenant kind …                counters, and windows of metrics
//	w  tenant number                records for output topics
//	@  name …                       what the lane keeps: position, clock, last number of each source
//
// Text is escaped (0x00 becomes 0x00 0xFF) and ended by 0x00 0x01, so that no text is a prefix of another
// and the order of keys is the order of texts. Integers are big-endian with the sign bit flipped.
package keys
