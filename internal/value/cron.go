package value

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Cron is a schedule in the UNIX dialect: minute, hour, day of month, month, day of week (0 and 7 are
// Sunday); each a list of *, numbers and ranges, with steps, months and days also by their English names. If
// neither day is just * either one suffices. Times are in UTC.
type Cron struct {
	minutes, hours, days, months, weekdays uint64
	// eitherDay: neither the day of month nor the day of week is just *.
	eitherDay bool
}

// cronHorizonDays is how far ahead a match is looked for: the 29th of February is at most 8 years away.
const cronHorizonDays = 9 * 366

type cronField struct {
	name     string
	min, max int
	names    string
}

var cronFields = [5]cronField{
	{name: "minute", max: 59},
	{name: "hour", max: 23},
	{name: "day of month", min: 1, max: 31},
	{name: "month", min: 1, max: 12, names: "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"},
	{name: "day of week", max: 7, names: "SUN MON TUE WED THU FRI SAT"},
}

// ParseCron reads a cron expression of exactly five fields.
func ParseCron(expr string) (Cron, error) {
	parts := strings.Fields(expr)
	if len(parts) != len(cronFields) {
		return Cron{}, fmt.Errorf("Cron expression '%s' must have 5 fields: minute, hour, day of month, month, day of week", clip(expr))
	}
	var sets [5]uint64
	for i, part := range parts {
		set, err := cronFields[i].parse(part)
		if err != nil {
			return Cron{}, fmt.Errorf("Cron expression '%s': %w", clip(expr), err)
		}
		sets[i] = set
	}
	c := Cron{minutes: sets[0], hours: sets[1], days: sets[2], months: sets[3], weekdays: sets[4]}
	if c.weekdays&(1<<7) != 0 {
		c.weekdays |= 1
	}
	c.eitherDay = !everyDay(parts[2]) && !everyDay(parts[4])
	return c, nil
}

func everyDay(field string) bool { return field == "*" || field == "*/1" }

// Next is the first time after from that the schedule matches; false if there is none.
func (c Cron) Next(from time.Time) (time.Time, bool) {
	t := from.UTC().Truncate(time.Minute).Add(time.Minute)
	year, month, day := t.Date()
	hour, minute := t.Hour(), t.Minute()
	for n := range cronHorizonDays {
		date := time.Date(year, month, day+n, 0, 0, 0, 0, time.UTC)
		if c.onDay(date) {
			if h, m, ok := c.timeOfDay(hour, minute); ok {
				return date.Add(time.Duration(h)*time.Hour + time.Duration(m)*time.Minute), true
			}
		}
		hour, minute = 0, 0
	}
	return time.Time{}, false
}

func (c Cron) onDay(date time.Time) bool {
	if c.months&(1<<date.Month()) == 0 {
		return false
	}
	day := c.days&(1<<date.Day()) != 0
	weekday := c.weekdays&(1<<date.Weekday()) != 0
	if c.eitherDay {
		return day || weekday
	}
	return day && weekday
}

// timeOfDay is the first match at or after hour:minute.
func (c Cron) timeOfDay(hour, minute int) (h, m int, ok bool) {
	for h = hour; h < 24; h++ {
		if c.hours&(1<<h) != 0 {
			for m = minute; m < 60; m++ {
				if c.minutes&(1<<m) != 0 {
					return h, m, true
				}
			}
		}
		minute = 0
	}
	return 0, 0, false
}

// Next is the first time after from that a cron expression matches.
func Next(expr string, from time.Time) (time.Time, error) {
	c, err := ParseCron(expr)
	if err != nil {
		return time.Time{}, err
	}
	t, ok := c.Next(from)
	if !ok {
		return time.Time{}, errors.New("Cron expression does not yield a next execution time")
	}
	return t, nil
}

func (f cronField) parse(s string) (uint64, error) {
	var set uint64
	for _, part := range strings.Split(s, ",") {
		bits, err := f.part(part)
		if err != nil {
			return 0, fmt.Errorf("%s '%s': %w", f.name, clip(s), err)
		}
		set |= bits
	}
	return set, nil
}

// part reads *, n, n-m, and each with /step; n/step runs to the end.
func (f cronField) part(s string) (uint64, error) {
	span, stepText, stepped := strings.Cut(s, "/")
	step := 1
	if stepped {
		n, err := cronNumber(stepText)
		if err != nil {
			return 0, err
		}
		if n < 1 || n > f.max {
			return 0, fmt.Errorf("step %d is not within 1 and %d", n, f.max)
		}
		step = n
	}
	from, to, err := f.span(span)
	if err != nil {
		return 0, err
	}
	if stepped && from == to && span != "*" && !strings.Contains(span, "-") {
		to = f.max
	}
	var set uint64
	for n := from; n <= to; n += step {
		set |= 1 << n
	}
	return set, nil
}

func (f cronField) span(s string) (from, to int, err error) {
	if s == "*" {
		return f.min, f.max, nil
	}
	first, last, isRange := strings.Cut(s, "-")
	if from, err = f.number(first); err != nil {
		return 0, 0, err
	}
	if !isRange {
		return from, from, nil
	}
	if to, err = f.number(last); err != nil {
		return 0, 0, err
	}
	if to < from {
		return 0, 0, fmt.Errorf("the range %d-%d runs backwards", from, to)
	}
	return from, to, nil
}

func (f cronField) number(s string) (int, error) {
	if len(s) == 3 && f.names != "" {
		if i := strings.Index(f.names, strings.ToUpper(s)); i >= 0 && i%4 == 0 {
			return i/4 + f.min, nil
		}
	}
	n, err := cronNumber(s)
	if err != nil {
		return 0, err
	}
	if n < f.min || n > f.max {
		return 0, fmt.Errorf("%d is not within %d and %d", n, f.min, f.max)
	}
	return n, nil
}

func cronNumber(s string) (int, error) {
	if s == "" || len(s) > 4 || skip(s, isDigit) != len(s) {
		return 0, fmt.Errorf("'%s' is not a number", clip(s))
	}
	return strconv.Atoi(s)
}
