package value

import (
	"math"
	"testing"

	"littlehorse/lhpb"
)

// covers: engine-3 §9.1
func TestDoubleText(t *testing.T) {
	for want, f := range map[string]float64{
		"0.0": 0, "-0.0": math.Copysign(0, -1), "3.0": 3, "0.1": 0.1, "0.30000000000000004": 0.1 + math.Nextafter(0.2, 1),
		"1.0E7": 1e7, "9999999.0": 9999999, "1.0E-4": 1e-4, "0.001": 1e-3, "1.2345678901234567E19": 12345678901234567890,
		"NaN": nan, "Infinity": inf, "-Infinity": -inf,
		"4.9E-324": math.SmallestNonzeroFloat64, "9.9E-324": 2 * math.SmallestNonzeroFloat64,
		"1.7976931348623157E308": math.MaxFloat64, "1.0E23": 1e23, "123456.789": 123456.789,
	} {
		if got := DoubleText(f); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// covers: engine-3 §9.1
func TestText(t *testing.T) {
	for _, c := range []struct {
		v    *lhpb.VariableValue
		want string
	}{
		{NullValue(), "null"},
		{nil, "null"},
		{Str("x"), "x"},
		{Int(-5), "-5"},
		{Double(2), "2.0"},
		{Bool(true), "true"},
		{wfRun("p"), "p"},
		{wfRun("g", "p", "c"), "g_p_c"},
		{JSONObj(`{"a":1}`), `{"a":1}`},
		{JSONArr(`[1,"x",{"k":1},2.0]`), `[1,"x",{"k":1},2.0]`},
		{JSONObj("broken"), "broken"},
		{at(1690000000, 5e8), "2023-07-22T04:26:40.5Z"},
		{Bytes([]byte{'a', 0xff}), "a\ufffd"},
		{list(Int(1), Double(nan), NullValue()), `[1,"NaN",null]`},
		{mapping("a", Int(1)), `{"a":1}`},
		{record("car", 0, map[string]*lhpb.VariableValue{"b": wfRun("x"), "a": list()}), `{"a":[],"b":"x"}`},
	} {
		if got := Text(c.v); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestParseDouble(t *testing.T) {
	for in, want := range map[string]string{
		"1": "1.0", "+1.5": "1.5", "1.": "1.0", ".5": "0.5", " 1e5\t": "100000.0", "1E-5": "1.0E-5", "1d": "1.0", "1F": "1.0",
		"NaN": "NaN", "-NaN": "NaN", "Infinity": "Infinity", "0x1p3": "8.0", "0x.8p0": "0.5", "0x1p3d": "8.0", "1e400": "Infinity",
		"-1e400": "-Infinity", "1e-400": "0.0", "00012": "12.0", "0e99999999999": "0.0",
	} {
		if f, err := ParseDouble(in); err != nil || DoubleText(f) != want {
			t.Errorf("%q: got %v %v, want %s", in, f, err, want)
		}
	}
	for _, in := range []string{
		"", ".", "e5", "1e", "1e+", "nan", "inf", "1dd", "0x1", "0x1d", "0xp1", "0x1p", "1_000", "1,5", "1 2", "--1", "NaNd", "0b1", "0x_1p1",
	} {
		if f, err := ParseDouble(in); err == nil {
			t.Errorf("%q: got %v, want an error", in, f)
		}
	}
}

func TestLengthInUTF16(t *testing.T) {
	for s, want := range map[string]int{"": 0, "hello!": 6, "a😀": 3, "é": 1} {
		if got := lengthUTF16(s); got != want {
			t.Errorf("%q: got %d", s, got)
		}
	}
}
