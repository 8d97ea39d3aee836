// Command licences reports every module that the packages of the main module, or only their tests, are built
// from and whose licence is not one of those allowed here. Run it at the root of the repository.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// allowed are sentences of permissive licences (Apache-2.0, MIT, BSD, ISC), in lower case and with single
// spaces.
var allowed = []string{
	"apache license version 2.0, january 2004",
	"permission is hereby granted, free of charge, to any person obtaining a copy of this software",
	"redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions are met",
	"permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted",
	"permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby granted",
}

// inTests are allowed besides for what is not part of the product: MPL-2.0.
var inTests = []string{"mozilla public license version 2.0"}

var space = regexp.MustCompile(`\s+`)

type module struct {
	Path, Version, Dir string
	Main               bool
}

func main() {
	product, err := dependencies()
	if err != nil {
		fatal(err)
	}
	all, err := dependencies("-test")
	if err != nil {
		fatal(err)
	}
	bad := 0
	for path, m := range all {
		sentences := allowed
		if _, ok := product[path]; !ok {
			sentences = slices.Concat(allowed, inTests)
		}
		if err := check(m.Dir, sentences); err != nil {
			fmt.Fprintf(os.Stderr, "%s %s: %v\n", m.Path, m.Version, err)
			bad++
		}
	}
	fmt.Printf("%d modules, %d of them only for tests, %d without an allowed licence\n",
		len(all), len(all)-len(product), bad)
	if bad > 0 {
		os.Exit(1)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "licences:", err)
	os.Exit(1)
}

// dependencies are the modules, by path, of the packages that go list finds with the given flags.
func dependencies(flags ...string) (map[string]module, error) {
	cmd := exec.Command("go", slices.Concat([]string{"list", "-deps", "-json=Module"}, flags, []string{"./..."})...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	found := map[string]module{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var pkg struct{ Module *module }
		if err := dec.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if pkg.Module != nil && !pkg.Module.Main {
			found[pkg.Module.Path] = *pkg.Module
		}
	}
	return found, nil
}

// check looks among the files of a module for a licence with one of the sentences.
func check(dir string, sentences []string) error {
	files, err := filepath.Glob(filepath.Join(dir, "[LlC][IiOo][CcPp]*"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("no licence file")
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		plain := space.ReplaceAllString(strings.ToLower(string(text)), " ")
		if slices.ContainsFunc(sentences, func(sentence string) bool { return strings.Contains(plain, sentence) }) {
			return nil
		}
	}
	return errors.New("its licence is not one of those allowed")
}
