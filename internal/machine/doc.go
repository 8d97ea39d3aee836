// Package machine is the contract between the pure machines (engine, catalog, rollup) and the lanes that
// run them: a Machine is a function from a view of the state and a record to effects. It knows neither
// which machine nor which store.
//
// A machine is deterministic: the same view and the same record give the same effects, byte for byte, on
// every replica. It reads no clock, draws no random number, starts no goroutine, does no I/O and lets no
// map order show. What it needs to know of the world stands in the record's header.
package machine
