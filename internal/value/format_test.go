package value

import (
	"math"
	"testing"

	"littlehorse/lhpb"
)

// covers: engine-3 §9.2
func TestFormat(t *testing.T) {
	const fails = "error: Error formatting variable"
	args := []*lhpb.VariableValue{
		Int(1234567), Double(2), Str("txt"), NullValue(), Double(3.14159), Double(0.0005), Double(1e20),
		Double(0.5), Double(-1234.5678), Int(math.MinInt64), Bool(true),
	}
	for template, want := range map[string]string{
		"{0}":                       "1,234,567",
		"{1}":                       "2",
		"hi {2}, {3}":               "hi txt, null",
		"{4}":                       "3.142",
		"{5}":                       "0.001",
		"{6}":                       "100,000,000,000,000,000,000",
		"{8}":                       "-1,234.568",
		"{9}":                       "-9,223,372,036,854,775,808",
		"{10}":                      "true",
		"{11} {2}":                  "{11} txt",
		"it's {0}":                  "its {0}",
		"it''s {2}":                 "it's txt",
		"'{0}'":                     "{0}",
		"don''t":                    "don't",
		"a } b":                     "a } b",
		"":                          "",
		"'' ' {0} '":                "'  {0} ",
		"{4,number,#.##}":           "3.14",
		"{7,number,#.##}":           "0.5",
		"{1,number,0.00}":           "2.00",
		"{0,number,integer}":        "1,234,567",
		"{4,number,integer}":        "3",
		"{7,number,integer}":        "0",
		"{7,number,percent}":        "50%",
		"{0,number,currency}":       "$1,234,567.00",
		"{8,number,0.0;(0.0)}":      "(1234.6)",
		"{8,number,#,##0.00}":       "-1,234.57",
		"{0,number,$#,##0.00}":      "$1,234,567.00",
		"{1,number,000}":            "002",
		"{1,number,0 'items'}":      "2 items",
		"{1,number,0.0'%'}":         "2.0%",
		"{7,number,#0.0%}":          "50.0%",
		"{7,number,0‰}":             "500‰",
		"{0,number,#,##}":           "1,23,45,67",
		"{1, number}":               "2",
		"{3,number}":                "null",
		"{0,number,'#'0}":           "#1234567",
		"{99,number,#.##}":          "{99}",
		"{2,number}":                fails,
		"{2,number,#.##}":           fails,
		"{x}":                       fails,
		"{-1}":                      fails,
		"{}":                        fails,
		"{ 0}":                      fails,
		"{0":                        fails,
		"{0 {":                      fails,
		"{0,date}":                  fails,
		"{0,foo}":                   fails,
		"{0,number,0.0#0}":          fails,
		"{0,number,0E0}":            fails,
		"{99999}":                   fails,
		"{0,number,#0#.0#0#}":       fails,
		"{99999999999999999999999}": fails,
	} {
		t.Run(template, func(t *testing.T) {
			got, err := Format(template, args)
			if want != fails {
				want := "STR " + want
				expect(t, want, Str(got), err)
				return
			}
			expect(t, fails, Str(got), err)
		})
	}
}

func TestFormatOfSpecialDoubles(t *testing.T) {
	got, err := Format("{0} {1} {2} {3}", []*lhpb.VariableValue{Double(nan), Double(inf), Double(-inf), Double(math.Copysign(0, -1))})
	expect(t, "STR NaN ∞ -∞ -0", Str(got), err)
}

// covers: engine-3 §9.2
func TestFormatStringAssignment(t *testing.T) {
	format := func(template *lhpb.VariableAssignment, args ...*lhpb.VariableAssignment) *lhpb.VariableAssignment {
		return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_FormatString_{
			FormatString: &lhpb.VariableAssignment_FormatString{Format: template, Args: args},
		}}
	}
	env := world{variables: map[string]*lhpb.VariableValue{"n": Int(1000), "t": Str("dy-{0}")}}
	got, err := Resolve(format(variable("t"), variable("n")), env)
	expect(t, "STR dy-1,000", got, err)
	_, err = Resolve(format(literalOf(NullValue())), env)
	expect(t, "error: the format must be a STR", nil, err)
	_, err = Resolve(format(literalOf(Int(5))), env)
	expect(t, "error: Error formatting variable", nil, err)
	_, err = Resolve(format(literalOf(Str("{0}")), variable("nope")), env)
	expect(t, "error: Variable nope is out of scope", nil, err)
}
