// Package crash holds the tests that kill the real binary: nothing acknowledged may be lost, nothing may be
// delivered twice, whatever the instruction at which the process ended.
package crash
