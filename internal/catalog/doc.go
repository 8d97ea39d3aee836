// Package catalog keeps the definitions: TaskDefs, WfSpecs, event definitions, UserTaskDefs, StructDefs,
// WorkflowMigrationPlans, Tenants and Principals.
//
// It has two halves. The Machine applies the records of the metadata stream; it is pure, and whatever it
// decides follows from the rows it reads and the record. The View holds all definitions of all metadata
// versions in memory, for everybody else on the server.
//
// # Versions
//
// A metadata version is the offset of the record that made it. Every put and every delete writes a row of
// its own (package keys, Definition); a row without content says that the definition was deleted. What held
// as of a version is the row written last at or before it, so the same version always gives the same answer.
//
// # What is always there
//
// The tenant "default" and the principal "anonymous", an admin, exist until rows of them say otherwise.
package catalog
