// Command lh is LittleHorse in one binary: `lh serve` runs a server, `lh demo` one with something on it, the other commands talk to one. Called by
// the name lhctl it is the command line client itself.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"littlehorse/internal/api"
	"littlehorse/internal/bench"
	"littlehorse/internal/ctl"
)

// Set by the linker; a plain build goes by the version of the API.
var version, commit string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args))
}

// run executes the command line and gives the exit code.
func run(ctx context.Context, args []string) int {
	about := ctl.Version(cmp.Or(version, api.Version()), cmp.Or(commit, "unknown"))
	if strings.TrimSuffix(filepath.Base(args[0]), ".exe") == "lhctl" {
		return ctl.Execute(ctx, ctl.Root(about))
	}
	serve, demo := serveCommand(), demoCommand()
	lh := &cobra.Command{
		Use: "lh", Short: "LittleHorse: a server for workflows, and its command line client", Version: cmp.Or(version, api.Version()),
		SilenceErrors: true, SilenceUsage: true,
	}
	lh.AddCommand(serve, demo, checkCommand(), healthCommand(), newCommand(), skipCommand(), backupCommand(), restoreCommand(),
		bench.Command(commit))
	lh.AddCommand(ctl.Commands(about)...)
	if target, _, err := lh.Find(args[1:]); err != nil || target != serve && target != demo {
		return ctl.Execute(ctx, lh)
	}
	if err := lh.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		return 1
	}
	return 0
}
