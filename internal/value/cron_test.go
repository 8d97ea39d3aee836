package value

import (
	"strconv"
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
		{"0 0 29 2 *", "2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"0 0 29 2 1", "2023-01-31T00:00:00Z", "2023-02-06T00:00:00Z"},
		{"0 12 31 * *", "2024-04-01T00:00:00Z", "2024-05-31T12:00:00Z"},
		{"0 0 * * 5-7", "2024-05-05T00:00:00Z", "2024-05-10T00:00:00Z"},
		{"0 0 * * 0,7", "2024-05-05T00:00:00Z", "2024-05-12T00:00:00Z"},
		{"0 0 1-7 * *", "2024-05-07T00:00:00Z", "2024-06-01T00:00:00Z"},
		{"0 0 1,15 */3 *", "2024-05-07T00:00:00Z", "2024-07-01T00:00:00Z"},
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

// bruteField reads a field the plain way: the set of its numbers, and whether it is just *.
func bruteField(t *rapid.T, field string, lo, hi int) (set map[int]bool, all bool) {
	set = map[int]bool{}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, part := range strings.Split(field, ",") {
		span, step, stepped := strings.Cut(part, "/")
		from, to := lo, hi
		if a, b, isRange := strings.Cut(span, "-"); isRange {
			from, to = number(a), number(b)
		} else if span != "*" {
			from = number(span)
			if to = from; stepped {
				to = hi
			}
		}
		by := 1
		if stepped {
			by = number(step)
		}
		for n := from; n <= to; n += by {
			set[n] = true
		}
	}
	return set, field == "*"
}

// bruteMatches says of one minute whether the expression means it.
func bruteMatches(t *rapid.T, expr string) func(time.Time) bool {
	f := strings.Fields(expr)
	minutes, _ := bruteField(t, f[0], 0, 59)
	hours, _ := bruteField(t, f[1], 0, 23)
	days, anyDay := bruteField(t, f[2], 1, 31)
	months, _ := bruteField(t, f[3], 1, 12)
	weekdays, anyWeekday := bruteField(t, f[4], 0, 7)
	return func(m time.Time) bool {
		day := days[m.Day()]
		weekday := weekdays[int(m.Weekday())] || m.Weekday() == time.Sunday && weekdays[7]
		onDay := day && weekday
		if !anyDay && !anyWeekday {
			onDay = day || weekday
		}
		return minutes[m.Minute()] && hours[m.Hour()] && months[int(m.Month())] && onDay
	}
}

// anyCronField draws *, numbers, ranges, steps and lists of them. A step of 1 over * would be * in other words.
func anyCronField(lo, hi int) *rapid.Generator[string] {
	part := rapid.Custom(func(t *rapid.T) string {
		a := rapid.IntRange(lo, hi).Draw(t, "from")
		step := strconv.Itoa(rapid.IntRange(2, hi).Draw(t, "step"))
		span := strconv.Itoa(a) + "-" + strconv.Itoa(rapid.IntRange(a, hi).Draw(t, "to"))
		return rapid.SampledFrom([]string{"*/" + step, strconv.Itoa(a), strconv.Itoa(a) + "/" + step, span, span + "/" + step}).Draw(t, "form")
	})
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "all") {
			return "*"
		}
		return strings.Join(rapid.SliceOfN(part, 1, 3).Draw(t, "parts"), ",")
	})
}

// TestNextIsTheFirstMatch compares with a walk over the minutes, and the absence of a match with a walk over
// the days of so many years that every 29th of February has come.
func TestNextIsTheFirstMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		expr := strings.Join([]string{
			anyCronField(0, 59).Draw(t, "minute"), anyCronField(0, 23).Draw(t, "hour"), anyCronField(1, 31).Draw(t, "day"),
			anyCronField(1, 12).Draw(t, "month"), anyCronField(0, 7).Draw(t, "weekday"),
		}, " ")
		from := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "from"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).UTC()
		matches := bruteMatches(t, expr)
		got, err := Next(expr, from)
		if err == nil && (!got.After(from) || got.Second() != 0 || got.Nanosecond() != 0 || !matches(got)) {
			t.Fatalf("%s after %v is %v", expr, from, got)
		}
		const walked = 45 * 24 * time.Hour
		for m := from.Truncate(time.Minute).Add(time.Minute); m.Sub(from) < walked && (err != nil || m.Before(got)); m = m.Add(time.Minute) {
			if matches(m) {
				t.Fatalf("%s after %v: got %v, %v, but %v matches", expr, from, got, err, m)
			}
		}
		if err == nil {
			return
		}
		days := bruteMatches(t, "* * "+strings.Join(strings.Fields(expr)[2:], " "))
		for d := range 9 * 366 {
			if m := from.AddDate(0, 0, d); days(m) {
				t.Fatalf("%s after %v: %v, but %v matches", expr, from, err, m)
			}
		}
	})
}
