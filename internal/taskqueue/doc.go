// Package taskqueue brings together TaskRun attempts that wait and workers that poll: one queue for each
// tenant and TaskDef, first come first served on both sides.
//
// What it holds in memory is a hint. The truth is the row of the waiting attempt in its partition, and the
// hand-out is a claim that the partition commits before the worker sees the task; so a task is delivered at
// most once whatever happens here, and losing a queue costs a scan. DESIGN.md says more.
package taskqueue
