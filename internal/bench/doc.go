// Package bench puts a known load on a LittleHorse server and prints what it measured as one line of JSON.
//
// It uses nothing but the public API, so any LittleHorse server can be measured by it. A closed loop keeps a number of
// WfRuns in flight; an open loop starts them at a fixed rate and counts latency from the moment a call was due, so that a
// server that stalls cannot hide it. The load side runs its own task worker and costs as little as it can; its own CPU
// time is reported beside the server's.
package bench
