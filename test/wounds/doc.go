// Package wounds keeps what users of workflow engines suffered from happening again: each test is named
// after one such wound and runs against the real binary. Those that need what is inside stand elsewhere, under such
// a name, too: docs/promises.md knows where.
package wounds
