package keys

import (
	"cmp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func anyDefinition() *rapid.Generator[Definition] {
	return rapid.Custom(func(t *rapid.T) Definition {
		return Definition{
			Tenant:   rapid.SampledFrom([]string{"", "a", "a\x00b"}).Draw(t, "tenant"),
			Kind:     ObjectKind(rapid.IntRange(int(KindTaskDef), int(KindWorkflowMigrationPlan)).Draw(t, "kind")),
			Name:     anyText().Draw(t, "name"),
			Major:    rapid.Int32Range(0, 1<<31-1).Draw(t, "major"),
			Revision: rapid.Int32Range(0, 1<<31-1).Draw(t, "revision"),
			Written:  rapid.Uint64Range(0, 1<<63-1).Draw(t, "written"),
		}
	})
}

// definitionOrder is what the order of keys must be: newest first below the name.
func definitionOrder(a, b Definition) int {
	return cmp.Or(
		strings.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name),
		cmp.Compare(b.Major, a.Major), cmp.Compare(b.Revision, a.Revision), cmp.Compare(b.Written, a.Written),
	)
}

func TestDefinitionsOrderNewestFirstAndReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyDefinition().Draw(t, "a"), anyDefinition().Draw(t, "b")
		if got, want := strings.Compare(string(a.Key()), string(b.Key())), definitionOrder(a, b); got != want {
			t.Fatalf("keys of %+v and %+v order as %d, want %d", a, b, got, want)
		}
		got, err := ParseDefinition(a.Key())
		if err != nil || got != a {
			t.Fatalf("%+v reads back as %+v, %v", a, got, err)
		}
		if kind, err := ObjectKindOf(a.Key()); err != nil || kind != a.Kind || !kind.IsDefinition() {
			t.Fatalf("kind of %+v reads back as %d, %v", a, kind, err)
		}
	})
}

func TestRangesOfADefinitionNest(t *testing.T) {
	d := Definition{Tenant: "acme", Kind: KindWfSpec, Name: "greet", Major: 2, Revision: 3, Written: 77}
	prefixes := []Key{Objects(), In("acme").Definitions(KindWfSpec), d.SameName(), d.SameMajor(), d.Rows(), d.Key()}
	for i := 1; i < len(prefixes); i++ {
		if !prefixes[i].HasPrefix(prefixes[i-1]) {
			t.Errorf("range %d does not lie in range %d", i, i-1)
		}
	}
	for _, other := range []Definition{
		{Tenant: "acme", Kind: KindWfSpec, Name: "greet2", Major: 2, Revision: 3},
		{Tenant: "acme", Kind: KindWfSpec, Name: "greet", Major: 1, Revision: 3},
		{Tenant: "acme2", Kind: KindWfSpec, Name: "greet", Major: 2, Revision: 3},
	} {
		if other.Key().HasPrefix(d.SameMajor()) {
			t.Errorf("%+v lies in the range of another major version", other)
		}
	}
}

func TestAsOfFindsTheRowWrittenLastUpToAVersion(t *testing.T) {
	d := Definition{Tenant: "acme", Kind: KindTaskDef, Name: "greet"}
	at := func(written uint64) Key { d.Written = written; return d.Key() }
	if !(d.AsOf(6) <= at(5)) || !(at(7) < d.AsOf(6)) {
		t.Error("as of 6, the row of 5 must be the first and the row of 7 must not be seen")
	}
}

func TestAdminsAndStructUsesReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := anyText().Draw(t, "name")
		if got, err := ParseAdmin(Admin(name)); err != nil || got != name {
			t.Fatalf("admin %q reads back as %q, %v", name, got, err)
		}
		user := anyDefinition().Draw(t, "user")
		user.Tenant, user.Written = "acme", 0
		k := In("acme").StructUse(name, 4, user)
		if got, err := In("acme").ParseStructUse(name, 4, k); err != nil || got != user {
			t.Fatalf("%+v reads back as %+v, %v", user, got, err)
		}
	})
}

func TestMalformedCatalogKeysAreErrors(t *testing.T) {
	good := Definition{Tenant: "acme", Kind: KindWfSpec, Name: "greet", Written: 1}.Key()
	for _, k := range []Key{"", "g", "x" + good[1:], good[:len(good)-1], good + "z"} {
		if _, err := ParseDefinition(k); err == nil {
			t.Errorf("%q is read as a definition", k)
		}
	}
	if _, err := ParseAdmin(good); err == nil {
		t.Error("a definition is read as an admin row")
	}
	if _, err := In("acme").ParseStructUse("s", 0, good); err == nil {
		t.Error("a definition is read as a reference")
	}
}
