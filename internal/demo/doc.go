// Package demo is business on a server: workflows of a few trades, the workers that do their tasks, and customers who
// begin runs of them. It shows a newcomer what there is to see, and gives tests of the dashboard something to look at.
// It is built on the Go SDK alone, as anybody's program is.
package demo
