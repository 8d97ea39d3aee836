// Package engine is the machine of the core streams: WfRuns and everything under them. It turns a record
// into effects (machine.Effects) and nothing else: no clock, no I/O, no randomness, no goroutine.
//
// A txn is made for each record. It loads each object once, remembers what was touched, and at the end
// writes what changed, with the rows that follow from it (indexes, queue rows, deadlines: rows.go). The
// handlers of commands (apply.go names them, one line each) therefore read as the domain does: find the
// TaskRun, report its result, advance its WfRun.
//
// advance.go holds the algorithm that moves ThreadRuns from node to node; each kind of node is a nodeKind in
// a file of its own (node_task.go, node_sleep.go …). Statuses change only in the methods of wfRun, threadRun,
// nodeRun and taskRun that are named for it.
//
//	e := engine.New(catalog, engine.DefaultConfig())
//	effects := e.Apply(view, record)
package engine
