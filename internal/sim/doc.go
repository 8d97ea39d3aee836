// Package sim runs a whole server in one process under one seed: the real engine, catalog, lanes, log and
// store, with a clock, a file system and clients of its own. A seed decides everything that happens: what
// the clients ask, how far each step of a lane gets, when the power fails and which unsynced bytes the disk
// then still has. So a failing seed is the whole bug report.
//
// The workloads drive every command of the core streams, and come to every kind of node, failure, halt, end of an attempt and timer;
// TestSeeds counts. WfRuns stand in families that share inherited Variables, and some are deleted, and threads archived, while
// others wait for them. In half of the worlds the engine does in many records what it else does in one.
//
// After each restart and at the end the state is judged: every acknowledged write is there, no attempt of a
// task was handed out twice, statuses moved only along allowed arrows, nothing waits for nothing, and the
// indexes equal a full scan. Faults can be planted to show that each judge sees what it is there for.
package sim
