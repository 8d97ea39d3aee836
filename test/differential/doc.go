// Command differential runs the same random workflows on the original server and on ours, and prints each
// fact that differs.
//
// A seed gives a history: definitions, WfSpecs and a script of commands. First the history is played on the
// original. Each command depends on the seed and on the original's state at rest after the one before. What
// the original answered and all that could be read of the WfRuns (WfRun, NodeRuns, Variables, TaskRuns,
// UserTaskRuns, ExternalEvents, WorkflowEvents, child WfRuns) is written down, without times and generated
// ids. Then the commands are replayed on ours, whose answers and states must be the same, but for the
// tolerances of normal.go. A comparison ends at its first difference.
//
// So a history needs the original only once:
//
//	go run ./test/differential -original 127.0.0.1:12023 -seeds 1-200 -file new.zst
//	go run ./test/differential -file new.zst -binary bin/lh
//
// Both can be done at once. The histories of testdata are part of the tests. A WfSpec either is a random tree
// of threads, or goes through nodes that aim at cells of the coverage: kind of node, outcome and circumstance.
// The names of such nodes say what is to happen to them. Other histories are about one matter: versions, types,
// values, numbers, moments and ids, containers, inheritance, migration, checkpoints, schedules, what is left of
// a WfRun, and definitions that change. The exit code is 1 when anything differed, or when a cell was hit less
// often than -target.
package main
