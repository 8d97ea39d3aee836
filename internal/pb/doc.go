// Package pb is the generated code of proto/internal: the records of the log and the rows of the store
// that are not public messages as they stand; and what little belongs to them alone.
package pb
