package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"littlehorse/internal/starter"
)

func newCommand() *cobra.Command {
	p := starter.Project{}
	c := &cobra.Command{
		Use:   "new name",
		Short: "Make a project: a workflow, a task with its worker, and a test",
		Long: "Make a folder of the given name with a workflow, a task, its worker and a test that runs them against a server. Its README\n" +
			"says how each is started. The projects in Python, Java and JavaScript stand on the official clients, the one in Go on the\n" +
			"SDK in the folder that --sdk names: that of this checkout, if the command is run from one.",
		Example: "  lh new hello --lang python",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			c.SilenceUsage = true
			p.Name, p.Module = args[0], modulePath()
			if err := p.Check(); err != nil {
				return err
			}
			if p.Language == "go" {
				sdk, err := sdkFolder(p.SDK, p.Module)
				if err != nil {
					return err
				}
				p.SDK = sdk
			}
			files, err := p.Make(".")
			if err != nil {
				return err
			}
			for _, file := range files {
				fmt.Fprintln(c.OutOrStdout(), file)
			}
			return nil
		},
	}
	c.Flags().StringVar(&p.Language, "lang", "go", "language: "+strings.Join(starter.Languages(), ", "))
	c.Flags().StringVar(&p.SDK, "sdk", "", "folder with the module of the Go SDK")
	return c
}

// modulePath is that of the module this binary was built from.
func modulePath() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Path != "" {
		return info.Main.Path
	}
	return "littlehorse"
}

// sdkFolder is the folder that was named, or the checkout in which the binary or the caller is.
func sdkFolder(named, module string) (string, error) {
	if named != "" {
		if !holds(named, module) {
			return "", fmt.Errorf("%s does not hold the module %s", named, module)
		}
		return filepath.Abs(named)
	}
	var starts []string
	if program, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(program))
	}
	if here, err := os.Getwd(); err == nil {
		starts = append(starts, here)
	}
	for _, folder := range starts {
		for ; ; folder = filepath.Dir(folder) {
			if holds(folder, module) {
				return folder, nil
			}
			if folder == filepath.Dir(folder) {
				break
			}
		}
	}
	return "", errors.New("where is the Go SDK? Name the folder with its module by --sdk")
}

func holds(folder, module string) bool {
	text, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil {
		return false
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(first) == "module "+module
}
