// Package log is the contract of the log: it gives records an order, hands them to the owner of their stream
// exactly once and in that order, and makes what follows from them durable, all or nothing.
//
// Two logs implement it: embedded (one server, the order in memory, durability by the store's own synced batch) and
// kafka (the order and the durability are those of topics). The suite in logtest says what both must do.
//
// DESIGN.md tells how the parts fit; its last section lists what is not obvious.
package log
