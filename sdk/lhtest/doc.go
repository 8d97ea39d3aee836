// Package lhtest runs a whole server inside a test: the engine, catalog, API and task queues of the product, with its data
// in memory, no sockets, and a clock that stands still until the test moves it.
//
//	func TestOrderIsRefused(t *testing.T) {
//		s := lhtest.Start(t, order, reserve, release, charge)
//		run := s.Run("order", lh.Input{"sku": "a", "card": "4111", "amount": 5000.0})
//		run.Excepted(t, "order-refused")
//	}
//
// Everything but the time is as it is in production: definitions are compiled and registered, tasks are handed to a worker
// of package worker that runs the functions of the test. Sleeps, timeouts, retries with backoff, deadlines of user tasks and
// schedules follow the virtual clock: Advance fires what is due on the way, each at its time, and returns when everything
// has happened; with Options.AutoAdvance a wait skips from timer to timer by itself. So no test waits, and none is late.
//
// Assertions look at the WfRun when nothing is on its way any more. One that does not hold, and cannot hold without the
// test doing something, fails at once and prints the whole run; nothing depends on how fast the machine is.
//
// Each server is its own; tests may run in parallel. Real puts the same test on a running server, if the environment names
// one.
//
// It brings the server with it, so only tests should import it. The other packages of the SDK import nothing of it.
package lhtest
