// Package worker runs tasks.
//
//	err := worker.New(client, worker.MaxConcurrent(16)).Add(Greet, Ship).Run(ctx)
//
// A worker registers with the server, polls every server that the cluster assigns to it, runs what it is given and
// reports the results. It asks for a task only when it can run one, survives restarts and moves of servers, and drains
// when its context ends: it stops asking, finishes what it has, reports and returns.
//
// A task function learns about its attempt by From, logs by Log to the process and to the TaskRun, and saves parts of
// long work by Checkpoint.
package worker
