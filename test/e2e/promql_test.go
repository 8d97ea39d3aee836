package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// use is a metric in an expression, with the labels that it is selected by and the values that are asked for literally.
type use struct {
	metric string
	labels map[string]string // "" for anything but one value
}

// promQL is an expression as far as it names metrics and labels.
type promQL struct {
	uses   []use
	labels []string // that are grouped or joined by
}

var (
	promToken     = regexp.MustCompile("^(?:\\s+|\"[^\"]*\"|'[^']*'|\\$\\{?\\w+\\}?|[A-Za-z_:][A-Za-z0-9_:]*|[0-9][0-9a-zA-Z.]*|=~|!~|==|!=|<=|>=|[-+*/%^<>=(){}\\[\\],])")
	promFunctions = strings.Fields(`changes deriv histogram_quantile increase max max_over_time min min_over_time
		predict_linear rate sum time topk vector`)
	promGroupings = strings.Fields("by without on ignoring group_left group_right")
	promOperators = strings.Fields("and or unless bool offset")
)

// readPromQL takes an expression apart. It knows the functions that our dashboard and alerts use and no others.
func readPromQL(expr string) (promQL, error) {
	var out promQL
	tokens, err := promTokens(expr)
	if err != nil {
		return out, err
	}
	next := func(i int) string {
		if i+1 < len(tokens) {
			return tokens[i+1]
		}
		return ""
	}
	var open []string
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch {
		case strings.Contains("([", t):
			open = append(open, t)
		case strings.Contains(")]", t):
			if len(open) == 0 || open[len(open)-1]+t != "()" && open[len(open)-1]+t != "[]" {
				return out, fmt.Errorf("%s closes nothing", t)
			}
			open = open[:len(open)-1]
		case strings.Contains("{}", t):
			return out, fmt.Errorf("%s without a metric", t)
		case !isName(t) || slices.Contains(promOperators, t):
		case slices.Contains(promGroupings, t):
			end := slices.Index(tokens[i:], ")")
			if next(i) != "(" || end < 0 {
				return out, fmt.Errorf("%s without labels", t)
			}
			out.labels = append(out.labels, slices.DeleteFunc(slices.Clone(tokens[i+2:i+end]), func(s string) bool { return s == "," })...)
			i += end
		case next(i) == "(" || slices.Contains([]string{"by", "without"}, next(i)):
			if !slices.Contains(promFunctions, t) {
				return out, fmt.Errorf("no function %s", t)
			}
		case len(open) > 0 && open[len(open)-1] == "[":
			return out, fmt.Errorf("%s is no duration", t)
		default:
			u := use{metric: t, labels: map[string]string{}}
			if next(i) == "{" {
				end := slices.Index(tokens[i:], "}")
				if end < 0 {
					return out, fmt.Errorf("the selector of %s has no end", t)
				}
				if err := u.read(tokens[i+2 : i+end]); err != nil {
					return out, err
				}
				i += end
			}
			out.uses = append(out.uses, u)
		}
	}
	if len(open) > 0 {
		return out, fmt.Errorf("%s is not closed", open[0])
	}
	return out, nil
}

func promTokens(expr string) ([]string, error) {
	var out []string
	for expr != "" {
		t := promToken.FindString(expr)
		if t == "" {
			return nil, fmt.Errorf("cannot read %q", expr)
		}
		if strings.TrimSpace(t) != "" {
			out = append(out, t)
		}
		expr = expr[len(t):]
	}
	return out, nil
}

func isName(token string) bool {
	return strings.ContainsAny(token[:1], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:")
}

// read takes the matchers of a selector.
func (u *use) read(tokens []string) error {
	for m := range slices.Chunk(tokens, 4) {
		if len(m) < 3 || !isName(m[0]) || !slices.Contains([]string{"=", "!=", "=~", "!~"}, m[1]) || len(m) == 4 && m[3] != "," {
			return fmt.Errorf("cannot read the selector of %s", u.metric)
		}
		u.labels[m[0]] = ""
		if value := strings.Trim(m[2], `"'`); m[1] == "=" && !strings.Contains(value, "$") {
			u.labels[m[0]] = value
		}
	}
	return nil
}

func TestReadPromQL(t *testing.T) {
	for expr, want := range map[string]string{
		`rate(a_total{x="1", y=~"b|c"}[5m]) > 0.5 and on (l, m) group_left () b{z="$z"}`: `[{a_total map[x:1 y:]} {b map[z:]}] [l m]`,
		`histogram_quantile(0.99, sum by (le) (rate(h_bucket[$__rate_interval])))`:       `[{h_bucket map[]}] [le]`,
		`(g offset 15m) unless g`:          `[{g map[]} {g map[]}] []`,
		`time() - (a > 0 or b{c!=""}) > 1`: `[{a map[]} {b map[c:]}] []`,
		`rat(a[5m])`:                       "no function rat",
		`sum(a`:                            "( is not closed",
		`sum(a))`:                          ") closes nothing",
		`a{b="c"`:                          "the selector of a has no end",
		`a{b}`:                             "cannot read the selector of a",
		`{b="c"}`:                          "{ without a metric",
		`sum by a`:                         "by without labels",
		`a # b`:                            `cannot read "# b"`,
	} {
		got, err := readPromQL(expr)
		if is := fmt.Sprint(got.uses, got.labels); err == nil && is != want || err != nil && err.Error() != want {
			t.Errorf("%s: %s, %v", expr, is, err)
		}
	}
}
