package lh

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"littlehorse/lhpb"
)

func TestNameRule(t *testing.T) {
	rule := regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?$`)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(rapid.SampledFrom([]rune("aZ09-_./é ")), 0, 5, -1).Draw(t, "name")
		if got, want := ValidName(s), rule.MatchString(s); got != want {
			t.Fatalf("ValidName(%q) = %t", s, got)
		}
	})
	if !ValidName(strings.Repeat("a", 500)) {
		t.Error("a long name is refused")
	}
}

func TestWfRunIDText(t *testing.T) {
	id := &lhpb.WfRunId{Id: "c", ParentWfRunId: &lhpb.WfRunId{Id: "b", ParentWfRunId: &lhpb.WfRunId{Id: "a"}}}
	if got := WfRunIDString(id); got != "a_b_c" {
		t.Errorf("text is %q", got)
	}
	if got := ParseWfRunID("a_b_c"); !proto.Equal(got, id) {
		t.Errorf("reads back as %v", got)
	}
	if RootWfRunID(id) != "a" || WfRunIDDepth(id) != 3 {
		t.Errorf("root %q, depth %d", RootWfRunID(id), WfRunIDDepth(id))
	}
}

func TestDerivedIDs(t *testing.T) {
	a, b := DerivedID([]byte("request"), 0), DerivedID([]byte("request"), 1)
	if a == b || a != DerivedID([]byte("request"), 0) {
		t.Error("derived ids are not a function of request and number")
	}
	if !regexp.MustCompile(`^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$`).MatchString(a) {
		t.Errorf("%s is not a version 4 UUID without hyphens", a)
	}
}

func TestErrorIsFoundThroughWrapping(t *testing.T) {
	e := Errorf(NotFound, "no WfSpec named %s", "x")
	if got := AsError(fmt.Errorf("run: %w", e)); got != e {
		t.Errorf("found %v", got)
	}
	if AsError(errors.New("disk")) != nil {
		t.Error("a trouble is taken for a refusal")
	}
}

// A panic may say what the code was working on: that is not told.
func TestCauseOfAPanic(t *testing.T) {
	caught := func(f func()) (text string) {
		defer func() { text = Cause(recover()) }()
		f()
		return ""
	}
	var nothing *Error
	for text, f := range map[string]func(){
		"string":                  func() { panic("a secret") },
		"*errors.errorString":     func() { panic(errors.New("a secret")) },
		"nil pointer dereference": func() { _ = nothing.Message },
		"index out of range":      func() { _ = strings.Split("a secret", " ")[len(os.Args)+1] },
	} {
		if got := caught(f); !strings.Contains(got, text) || strings.Contains(got, "secret") {
			t.Errorf("%q, wanted %q", got, text)
		}
	}
}
