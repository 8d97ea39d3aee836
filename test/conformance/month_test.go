package conformance

import (
	"encoding/json"
	"slices"
	"testing"

	"google.golang.org/protobuf/types/known/durationpb"

	"littlehorse/lhpb/extra"
	"littlehorse/test/lhserver"
)

// monthSeconds is what the saga takes: ten days of sleep, an hour until the bank is asked again, twenty days for the parcel.
const monthSeconds = 30*24*60*60 + 60*60

// A saga of thirty days, in each language and with the official client as it comes, is over as soon as its tasks are done:
// the clock of the server skips what nobody has to wait for.
func TestAMonthInVirtualTime(t *testing.T) {
	if *endpoint != "" {
		return // time passes there as it does
	}
	watchSources(t)
	for _, c := range clients {
		t.Run(c.language, func(t *testing.T) {
			t.Parallel()
			server := lhserver.New(t, t.TempDir(), "LHS_X_CLOCK=virtual")
			server.Start(t)
			conn := server.Dial(t)
			defer func() { _ = conn.Close() }()
			_, err := extra.NewClockServiceClient(conn).SetClock(t.Context(), &extra.SetClockRequest{
				Auto: true, AtMost: durationpb.New(2 * monthSeconds * 1e9),
			})
			if err != nil {
				t.Fatal(err)
			}
			c.spendMonth(t, server.API)
			server.Stop(t)
		})
	}
}

func (c client) spendMonth(t *testing.T, server string) {
	t.Helper()
	done := c.perform(t, month, server)
	var told struct {
		Ledger      []string
		Seconds, Ms float64
	}
	if err := json.Unmarshal(done.stdout.Bytes(), &told); err != nil || done.err != nil {
		t.Fatalf("the program ended (%v) and told %q: %v\n%s", done.err, done.stdout.String(), err, tail(done.stderr.String(), 40))
	}
	if want := []string{"reserve", "charge", "charge", "refund", "release"}; !slices.Equal(told.Ledger, want) {
		t.Errorf("the tasks did %q, not %q", told.Ledger, want)
	}
	if told.Seconds != monthSeconds {
		t.Errorf("it took %v seconds by the server's clock, not %d", told.Seconds, monthSeconds)
	}
	t.Logf("%v seconds took %v ms", told.Seconds, told.Ms)
}
