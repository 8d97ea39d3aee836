// Command differential runs the same random workflows on a running original server and on ours, and prints
// each fact that differs.
//
// A seed gives a WfSpec, a child WfSpec and a script of commands: RunWf, claims and reports of tasks, events,
// interrupts, stop, resume, rescue. Each command goes to both servers; then everything that can be read of the
// run (WfRun, NodeRuns, Variables, TaskRuns, ExternalEvents, WorkflowEvents, child WfRuns) must become equal
// within -patience, after the rules of normal.go. The next command depends on the seed and on that common
// state only. A run ends at its first difference.
//
// Both servers must be running already, and the program is not part of any test run:
//
//	go run ./test/differential -original 127.0.0.1:12023 -ours 127.0.0.1:2023 -seeds 1-200
//
// It leaves definitions and finished runs behind on both. -print shows the WfSpec and the commands of each run
// that differs. The exit code is 1 when anything differed.
package main
