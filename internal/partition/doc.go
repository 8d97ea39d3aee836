// Package partition runs partitions: it takes records in order from the log, gives each to the machine of
// its stream, commits what follows from many of them in one synced batch, and only then lets the world know.
//
// A Host owns the partitions of one server. It spreads them over lanes; a lane is one goroutine that
// applies, one that commits and one that fires timers, over one log session and many partitions.
//
//	submit -> admission -> log -> apply -> batch -> commit (sync) -> publish
//
// Publishing has an order that everything else leans on: the durable snapshot moves forward, the Listener is
// told, the waiters are answered. So whoever has been answered can read what he wrote, and nobody reads what
// a crash could still take back.
//
// DESIGN.md tells how it works inside; its last section lists what is not obvious.
package partition
