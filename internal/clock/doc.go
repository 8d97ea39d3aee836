// Package clock is virtual time: a clock that stands still until somebody moves it, and that knows when nothing more
// happens at the time it shows.
//
// It moves from timer to timer. Before each step everything that the time before has brought is applied, committed and
// published, and the tasks that workers have, or are about to take, are reported: so a month that passes in a moment has
// the history of one that took a month.
package clock
