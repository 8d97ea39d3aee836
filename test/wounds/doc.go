// Package wounds keeps what users of workflow engines suffered from happening again: each test is named
// after one such wound and runs against the real binary. A few need what is inside and stand elsewhere, under such
// a name, too.
package wounds
