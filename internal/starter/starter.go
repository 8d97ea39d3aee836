// Package starter makes new projects: a workflow, a task with its worker, and a test that runs them against a server, in one
// of the languages that LittleHorse has a client for.
package starter

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The files of the projects, by language. The ending .tmpl keeps them from being taken for files of this module.
//
//go:embed all:projects
var projects embed.FS

// A Project is what is to be made.
type Project struct {
	// Name of the folder and of the WfSpec.
	Name string
	// Language is one of Languages.
	Language string
	// SDK is the folder with the module of the Go SDK, and Module its path; for Go alone.
	SDK, Module string
}

// Languages that there are projects in.
func Languages() []string { return []string{"go", "java", "javascript", "python"} }

var validName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Check tells what is wrong with the project, if anything.
func (p Project) Check() error {
	if !validName.MatchString(p.Name) || len(p.Name) > 60 {
		return fmt.Errorf("%q is no name of a project: at most 60 lower-case letters, digits and inner hyphens, a letter first", p.Name)
	}
	if !slices.Contains(Languages(), p.Language) {
		return fmt.Errorf("%q is no language of a project; there are %s", p.Language, strings.Join(Languages(), ", "))
	}
	return nil
}

// Make writes the project into a new folder of its name within parent, and gives the paths of the files.
func (p Project) Make(parent string) ([]string, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	folder := filepath.Join(parent, p.Name)
	if err := os.Mkdir(folder, 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("%s is there already", folder)
		}
		return nil, err
	}
	root := "projects/" + p.Language
	var made []string
	err := fs.WalkDir(projects, root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		to := filepath.Join(folder, filepath.FromSlash(strings.TrimSuffix(strings.TrimPrefix(path, root+"/"), ".tmpl")))
		if entry.IsDir() {
			return os.Mkdir(to, 0o755)
		}
		text, err := projects.ReadFile(path)
		if err != nil {
			return err
		}
		made = append(made, to)
		return os.WriteFile(to, []byte(p.fill(string(text))), 0o644)
	})
	return made, err
}

// fill puts the project's own words where a template has left room for them.
func (p Project) fill(text string) string {
	return strings.NewReplacer("{{name}}", p.Name, "{{sdk}}", filepath.ToSlash(p.SDK), "{{module}}", p.Module).Replace(text)
}
