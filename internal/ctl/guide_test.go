package ctl_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"littlehorse/internal/ctl"
	"littlehorse/test/marked"
)

// TestTheGuideKnowsEveryCommand: the tables of docs/lhctl.md are made from the commands, by go test ./internal/ctl -rewrite.
func TestTheGuideKnowsEveryCommand(t *testing.T) {
	marked.Part(t, "../../docs/lhctl.md", "<!-- commands: begin -->\n", "<!-- commands: end -->\n", commandTables(),
		*rewrite, "go test ./internal/ctl -rewrite")
}

// commandTables has a table of the flags of every command, and one of the commands of each verb.
func commandTables() string {
	var b strings.Builder
	root := ctl.Root()
	root.InitDefaultCompletionCmd()
	root.InitDefaultVersionFlag()
	b.WriteString("For every command, `--configFile` also in front of the verb:\n\n| flag | default | |\n| --- | --- | --- |\n")
	for _, name := range []string{"configFile", "output"} {
		f := find(root, "get").PersistentFlags().Lookup(name)
		what, meaning := pflag.UnquoteUsage(f)
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", cell(strings.TrimRight(nameOf(f)+" "+what, " ")), code(f.DefValue), cell(meaning))
	}
	b.WriteString("| `-h`, `--help` |  | the usage of the command |\n| `lhctl --version` |  | the version of the client alone |\n")
	for _, verb := range root.Commands() {
		if verb.Name() == "help" {
			continue
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s.%s\n\n", verb.Name(), strings.TrimSuffix(verb.Short, "."), watchText(verb))
		b.WriteString("| command | prints | |\n| --- | --- | --- |\n")
		eachRunnable(verb, func(cmd *cobra.Command) {
			prints := "text"
			if message := cmd.Annotations[ctl.Prints]; message != "" {
				prints = "`" + message + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", usage(cmd), prints, cell(cmd.Short)+flagLines(cmd))
		})
	}
	return b.String()
}

func find(root *cobra.Command, name string) *cobra.Command {
	cmd, _, err := root.Find([]string{name})
	if err != nil {
		panic(err)
	}
	return cmd
}

func watchText(verb *cobra.Command) string {
	watch, interval := verb.PersistentFlags().Lookup("watch"), verb.PersistentFlags().Lookup("interval")
	if watch == nil {
		return ""
	}
	return fmt.Sprintf(" `-w`, `--watch`: %s. `--interval` (`%s`): %s.", watch.Usage, interval.DefValue, interval.Usage)
}

// eachRunnable visits the commands that do something by themselves.
func eachRunnable(cmd *cobra.Command, do func(*cobra.Command)) {
	if !cmd.HasSubCommands() || cmd.Annotations[ctl.Prints] != "" {
		do(cmd)
	}
	for _, child := range cmd.Commands() {
		eachRunnable(child, do)
	}
}

func usage(cmd *cobra.Command) string {
	return strings.TrimSuffix(strings.TrimPrefix(cmd.UseLine(), "lhctl "), " [flags]")
}

// flagLines are the flags of a command alone.
func flagLines(cmd *cobra.Command) string {
	var b strings.Builder
	cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		switch f.Name {
		case "help", "configFile", "output":
			return
		}
		what, meaning := pflag.UnquoteUsage(f)
		given := ""
		if what != "" {
			given = " " + what
		}
		if _, needed := f.Annotations[cobra.BashCompOneRequiredFlag]; needed {
			meaning += "; needed"
		}
		fmt.Fprintf(&b, "<br>`%s`: %s%s", nameOf(f)+given, cell(meaning), defaultText(f))
	})
	return b.String()
}

func nameOf(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return "-" + f.Shorthand + "`, `--" + f.Name
	}
	return "--" + f.Name
}

func defaultText(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "0", "false", "[]", "-1":
		return ""
	}
	return " (" + code(f.DefValue) + ")"
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// cell is text that cannot leave its cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
