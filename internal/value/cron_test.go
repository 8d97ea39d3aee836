package value

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNext(t *testing.T) {
	for _, c := range []struct{ expr, from, want string }{
		{"*/5 * * * *", "2024-05-06T10:02:30Z", "2024-05-06T10:05:00Z"},
		{"* * * * *", "2024-05-06T10:02:00Z", "2024-05-06T10:03:00Z"},
		{"* * * * *", "2024-05-06T10:02:59.999999999Z", "2024-05-06T10:03:00Z"},
		{"0 0 * * 7", "2024-05-06T10:00:00Z", "2024-05-12T00:00:00Z"},
		{"0 0 * * 0", "2024-05-06T10:00:00Z", "2024-05-12T00:00:00Z"},
		{"0 0 * * SUN", "2024-05-06T10:00:00Z", "2024-05-12T00:00:00Z"},
		{"0 9-17/4 * * mon-fri", "2024-05-10T17:00:00Z", "2024-05-13T09:00:00Z"},
		{"0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},
		{"0 0 13 * 5", "2024-05-06T10:00:00Z", "2024-05-10T00:00:00Z"},
		{"0 0 13 * *", "2024-05-06T10:00:00Z", "2024-05-13T00:00:00Z"},
		{"0 0 */2 * 1", "2024-05-06T10:00:00Z", "2024-05-07T00:00:00Z"},
		{"0 0 10 * */1", "2024-05-06T10:00:00Z", "2024-05-10T00:00:00Z"},
		{"10/20 * * * *", "2024-05-06T10:11:00Z", "2024-05-06T10:30:00Z"},
		{"59 23 31 12 *", "2024-12-31T23:59:00Z", "2025-12-31T23:59:00Z"},
		{"0,15,30-40/5 8 1 JAN,jul *", "2024-05-06T10:00:00Z", "2024-07-01T08:00:00Z"},
		{"  0   0\t1 1 * ", "2024-05-06T10:00:00Z", "2025-01-01T00:00:00Z"},
		{"30 12 * * *", "2024-05-06T23:00:00+14:00", "2024-05-06T12:30:00Z"},
	} {
		from, err := time.Parse(time.RFC3339Nano, c.from)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Next(c.expr, from)
		if err != nil || got.Format(time.RFC3339) != c.want {
			t.Errorf("%q after %s: got %v, %v, want %s", c.expr, c.from, got, err, c.want)
		}
	}
}

func TestNoNext(t *testing.T) {
	for _, expr := range []string{"0 0 31 2 *", "0 0 31 4,6 *", "* * 30,31 FEB *"} {
		_, err := Next(expr, time.Unix(1700000000, 0))
		if err == nil || err.Error() != "Cron expression does not yield a next execution time" {
			t.Errorf("%q: %v", expr, err)
		}
	}
}

func TestCronRefusals(t *testing.T) {
	for _, expr := range []string{
		"", "* * * *", "* * * * * *", "0 0 0 1 * *", "@daily", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *",
		"* * * 13 *", "* * * * 8", "*/0 * * * *", "*/60 * * * *", "1,,2 * * * *", "1- * * * *", "-1 * * * *", "a * * * *", "1-5-7 * * * *",
		"*/5/2 * * * *", "10-5 * * * *", "0 0 ? * *", "0 0 L * *", "0 0 15W * *", "0 0 * * 1#2", "* * * JANX *", "* * * AN *", "+1 * * * *",
		"99999999999999999999 * * * *", "* * * * N,", strings.Repeat("* ", 100_000),
	} {
		if _, err := ParseCron(expr); err == nil {
			t.Errorf("%.40q was accepted", expr)
		}
	}
}

// TestNextIsTheFirstMatch compares with a walk over the minutes.
func TestNextIsTheFirstMatch(t *testing.T) {
	field := func(t *rapid.T, name string, lo, hi int) string {
		switch rapid.IntRange(0, 3).Draw(t, name+" form") {
		case 0:
			return "*"
		case 1:
			return "*/" + Text(Int(int64(rapid.IntRange(1, max(1, (hi-lo)/2)).Draw(t, name))))
		case 2:
			a := rapid.IntRange(lo, hi).Draw(t, name)
			return Text(Int(int64(a))) + "-" + Text(Int(int64(rapid.IntRange(a, hi).Draw(t, name))))
		}
		return Text(Int(int64(rapid.IntRange(lo, hi).Draw(t, name))))
	}
	rapid.Check(t, func(t *rapid.T) {
		expr := field(t, "minute", 0, 59) + " " + field(t, "hour", 0, 23) + " * * " + field(t, "weekday", 0, 7)
		from := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "from"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).UTC()
		got, err := Next(expr, from)
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		c, _ := ParseCron(expr)
		if !got.After(from) || got.Second() != 0 || got.Nanosecond() != 0 {
			t.Fatalf("%s after %v is %v", expr, from, got)
		}
		for m := from.Truncate(time.Minute).Add(time.Minute); m.Before(got); m = m.Add(time.Minute) {
			if c.minutes&(1<<m.Minute()) != 0 && c.hours&(1<<m.Hour()) != 0 && c.weekdays&(1<<m.Weekday()) != 0 {
				t.Fatalf("%s after %v: %v comes before %v", expr, from, m, got)
			}
		}
	})
}
