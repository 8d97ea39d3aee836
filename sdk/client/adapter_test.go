package lh_test

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
)

// cents is money as programs count it; others see a DOUBLE.
type cents int64

func adaptCents(t *testing.T) {
	t.Helper()
	err := lh.RegisterAdapter(
		func(c cents) float64 { return float64(c) / 100 },
		func(units float64) (cents, error) {
			if units < 0 {
				return 0, errors.New("nobody owes us anything")
			}
			return cents(units*100 + 0.5), nil
		})
	if err != nil {
		t.Fatal(err)
	}
}

type receipt struct {
	Total cents            `lh:"total"`
	Parts lh.Array[cents]  `lh:"parts"`
	Tip   *cents           `lh:"tip"`
	From  netip.Addr       `lh:"from"`
	Rest  map[string]cents `lh:"rest"`
}

func (receipt) LHStruct() string { return "receipt" }

func TestAdaptersStandForTheirType(t *testing.T) {
	adaptCents(t)
	if err := lh.RegisterAdapter(netip.Addr.String, netip.ParseAddr); err != nil {
		t.Fatal(err)
	}
	def, err := lh.StructDefOf(receipt{})
	if err != nil {
		t.Fatal(err)
	}
	fields := def.StructDef.Fields
	if got := fields["total"].FieldType.GetPrimitiveType(); got != lhpb.VariableType_DOUBLE {
		t.Errorf("total is %s", got)
	}
	if got := fields["parts"].FieldType.GetInlineArrayDef().GetArrayType().GetPrimitiveType(); got != lhpb.VariableType_DOUBLE {
		t.Errorf("parts are %s", got)
	}
	if tip := fields["tip"]; tip.FieldType.GetPrimitiveType() != lhpb.VariableType_DOUBLE || !tip.IsNullable {
		t.Errorf("tip is %v", tip)
	}
	want := receipt{Total: 1250, Parts: lh.Array[cents]{1000, 250}, From: netip.MustParseAddr("10.0.0.7"), Rest: map[string]cents{"a": 7}}
	value, err := lh.Value(want)
	if err != nil {
		t.Fatal(err)
	}
	held := value.GetStruct().GetStruct().GetFields()
	if total, from := held["total"].Value.GetDouble(), held["from"].Value.GetStr(); total != 12.5 || from != "10.0.0.7" {
		t.Errorf("total %v from %q", total, from)
	}
	if rest := held["rest"].Value.GetJsonObj(); rest != `{"a":7}` {
		t.Errorf("inside JSON it is %s", rest)
	}
	var got receipt
	if err := lh.Scan(value, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read back: %+v, %v", got, err)
	}
}

func TestAdaptersAndNull(t *testing.T) {
	adaptCents(t)
	value, err := lh.Value((*cents)(nil))
	if err != nil || value.GetValue() != nil {
		t.Errorf("nil became %v, %v", value, err)
	}
	got := cents(5)
	if err := lh.Scan(&lhpb.VariableValue{}, &got); err != nil || got != 0 {
		t.Errorf("NULL became %v, %v", got, err)
	}
}

func TestAdaptersRefuseValues(t *testing.T) {
	adaptCents(t)
	var got cents
	for value, want := range map[*lhpb.VariableValue]string{
		{Value: &lhpb.VariableValue_Double{Double: -1}}: "nobody owes us anything",
		{Value: &lhpb.VariableValue_Str{Str: "much"}}:   "a STR is not float64",
	} {
		if err := lh.Scan(value, &got); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", value, err)
		}
	}
}

func TestTypesThatCannotHaveAnAdapter(t *testing.T) {
	adaptCents(t)
	for name, err := range map[string]error{
		"string":        lh.RegisterAdapter(func(s string) string { return s }, func(s string) (string, error) { return s, nil }),
		"time.Time":     lh.RegisterAdapter(time.Time.Unix, func(n int64) (time.Time, error) { return time.Unix(n, 0), nil }),
		"pointer":       lh.RegisterAdapter(func(*cents) string { return "" }, func(string) (*cents, error) { return nil, nil }),
		"interface":     lh.RegisterAdapter(error.Error, func(s string) (error, error) { return errors.New(s), nil }),
		"of an adapter": lh.RegisterAdapter(func(time.Month) cents { return 0 }, func(cents) (time.Month, error) { return 0, nil }),
		"unsigned":      lh.RegisterAdapter(func(time.Month) uint { return 0 }, func(uint) (time.Month, error) { return 0, nil }),
	} {
		if err == nil {
			t.Errorf("%s: an adapter was taken", name)
		}
	}
}
