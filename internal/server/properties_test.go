package server

import (
	"maps"
	"strings"
	"testing"
)

func TestParseProperties(t *testing.T) {
	const text = "# comment\n! another\n\n" +
		"LHS_A=1\nLHS_B : two words  \r\n  LHS_C\tthree\nLHS_D=a\\\n    b\\\\\nLHS_E=\nLHS_F\n" +
		`LHS_G=\u00e4\t\ud83d\ude00` + "\nLHS_A=last\nwith\\ space=x\\=y\nLHS_H==eq\n" + `LHS_I=end\`
	want := map[string]string{
		"LHS_A": "last", "LHS_B": "two words  ", "LHS_C": "three", "LHS_D": `ab\`, "LHS_E": "", "LHS_F": "",
		"LHS_G": "ä\t😀", "with space": "x=y", "LHS_H": "=eq", "LHS_I": "end",
	}
	got, err := ParseProperties(text)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Fatalf("got  %q\nwant %q", got, want)
	}
	if _, err := ParseProperties("a=1\nb=\\u12x4"); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Fatalf("a broken escape gives %v", err)
	}
}

func FuzzParseProperties(f *testing.F) {
	for _, s := range []string{"a=b", `a\`, `\u`, "a\\\n\\", "k\\=1:2", "\ufeffx", `\ud800\u0041`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseProperties(text)
		if err == nil && len(got) > strings.Count(text, "\n")+1 {
			t.Fatalf("%d keys from %q", len(got), text)
		}
	})
}
