package ctl

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
)

func runID(text string) *lhpb.WfRunId { return lh.RunID(text).Proto() }

// parts accepts the n parts of an id as n arguments, or as one joined by "/".
func parts(n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == n || len(args) == 1 && strings.Count(args[0], "/") == n-1 {
			return nil
		}
		return fmt.Errorf("accepts %d id parts, separate or joined by \"/\", received %q", n, strings.Join(args, " "))
	}
}

// split gives the parts that parts has accepted.
func (r *request) split() []string {
	if len(r.args) == 1 {
		return strings.Split(r.args[0], "/")
	}
	return r.args
}

// oneOf accepts certain numbers of arguments.
func oneOf(counts ...int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if slices.Contains(counts, len(args)) {
			return nil
		}
		return fmt.Errorf("accepts %s arguments, received %d", strings.Trim(strings.ReplaceAll(fmt.Sprint(counts), " ", " or "), "[]"), len(args))
	}
}

func parseInt32(what, text string) (int32, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s must be a number of 32 bits: %q", what, text)
	}
	return int32(n), nil
}

// optionalInt32 reads argument i if there is one.
func (r *request) optionalInt32(i int, what string) (*int32, error) {
	if i >= len(r.args) {
		return nil, nil
	}
	n, err := parseInt32(what, r.args[i])
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// changed reports whether a flag was given.
func (r *request) changed(flag string) bool { return r.cmd.Flags().Changed(flag) }

// given is a flag's value if the flag was given, for fields that tell unset from zero.
func given[T any](r *request, flag string, value T) *T {
	if !r.changed(flag) {
		return nil
	}
	return &value
}

// enum reads the name of an enum value.
func enum[E ~int32](values map[string]int32, what, text string) (E, error) {
	n, ok := values[strings.ToUpper(text)]
	if !ok {
		names := make([]string, 0, len(values))
		for name := range values {
			names = append(names, name)
		}
		slices.SortFunc(names, func(a, b string) int { return int(values[a] - values[b]) })
		return 0, fmt.Errorf("unknown %s %q: use one of %s", what, text, strings.Join(names, ", "))
	}
	return E(n), nil
}

// optionalEnum reads a flag with the name of an enum value.
func optionalEnum[E ~int32](r *request, flag, text string, values map[string]int32) (*E, error) {
	if !r.changed(flag) {
		return nil, nil
	}
	e, err := enum[E](values, flag, text)
	if err != nil {
		return nil, err
	}
	return &e, nil
}

const defaultLimit = 100

// paging is the flags of every search and list.
type paging struct {
	limit    int32
	bookmark string
}

func (p *paging) flags(cmd *cobra.Command) {
	cmd.Flags().Int32Var(&p.limit, "limit", defaultLimit, "results on one page")
	cmd.Flags().StringVar(&p.bookmark, "bookmark", "", "where to go on: the `bookmark` of the page before")
}

// get is the limit, which is always sent, and the bookmark if there is one.
func (p *paging) get() (*int32, []byte, error) {
	if p.bookmark == "" {
		return &p.limit, nil, nil
	}
	bookmark, err := decodeBase64(p.bookmark)
	if err != nil {
		return nil, nil, fmt.Errorf("--bookmark: %w", err)
	}
	return &p.limit, bookmark, nil
}

// period is the flags that bound a search in time.
type period struct{ earliest, latest int }

const unbounded = -1

func (p *period) flags(cmd *cobra.Command) {
	cmd.Flags().IntVar(&p.earliest, "earliestMinutesAgo", unbounded, "only what began at most this many minutes ago")
	cmd.Flags().IntVar(&p.latest, "latestMinutesAgo", unbounded, "only what began at least this many minutes ago")
}

func (p *period) get() (earliest, latest *timestamppb.Timestamp) {
	return minutesAgo(p.earliest), minutesAgo(p.latest)
}

// orLastHour fills in what is missing: now, and an hour ago.
func (p *period) orLastHour() (start, end *timestamppb.Timestamp) {
	start, end = p.get()
	if start == nil {
		start = minutesAgo(60)
	}
	if end == nil {
		end = minutesAgo(0)
	}
	return start, end
}

func minutesAgo(n int) *timestamppb.Timestamp {
	if n < 0 {
		return nil
	}
	return timestamppb.New(time.Now().Add(-time.Duration(n) * time.Minute))
}

// decodeBase64 takes base64 with and without padding.
func decodeBase64(text string) ([]byte, error) {
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, fmt.Errorf("not base64: %q", text)
	}
	return b, nil
}

// parseValue reads the value of a primitive type from its text on the command line.
func parseValue(t lhpb.VariableType, text string) (*lhpb.VariableValue, error) {
	v, err := parsePrimitive(t, text)
	if err != nil {
		return nil, fmt.Errorf("%q is no %s: %w", text, t, err)
	}
	return v, nil
}

func parsePrimitive(t lhpb.VariableType, text string) (*lhpb.VariableValue, error) {
	switch t {
	case lhpb.VariableType_STR:
		return lh.Value(text)
	case lhpb.VariableType_INT:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, errors.New("use a decimal number of 64 bits")
		}
		return lh.Value(n)
	case lhpb.VariableType_DOUBLE:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsInf(f, 0) && !strings.Contains(strings.ToLower(text), "inf") {
			return nil, errors.New("use a decimal number")
		}
		return lh.Value(f)
	case lhpb.VariableType_BOOL:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, errors.New("use true or false")
		}
		return lh.Value(b)
	case lhpb.VariableType_BYTES:
		b, err := decodeBase64(text)
		if err != nil {
			return nil, err
		}
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_Bytes{Bytes: b}}, nil
	case lhpb.VariableType_WF_RUN_ID:
		return lh.Value(lh.RunID(text))
	case lhpb.VariableType_TIMESTAMP:
		at, err := parseTime(text)
		if err != nil {
			return nil, err
		}
		return lh.Value(at)
	case lhpb.VariableType_JSON_OBJ:
		if err := checkJSON(text, '{'); err != nil {
			return nil, err
		}
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonObj{JsonObj: text}}, nil
	case lhpb.VariableType_JSON_ARR:
		if err := checkJSON(text, '['); err != nil {
			return nil, err
		}
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonArr{JsonArr: text}}, nil
	default:
		return nil, errors.New("this type cannot be given here")
	}
}

// parseTime reads epoch milliseconds or RFC 3339.
func parseTime(text string) (time.Time, error) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, errors.New("use RFC 3339 or milliseconds since 1970")
	}
	return at, nil
}

// typedValue reads the arguments "<varType> <value>".
func typedValue(typeName, text string) (*lhpb.VariableValue, error) {
	t, err := enum[lhpb.VariableType](lhpb.VariableType_value, "variable type", typeName)
	if err != nil {
		return nil, err
	}
	return parseValue(t, text)
}
