// Command lh is LittleHorse in one binary: `lh serve` runs a server, the other commands talk to one. Called by
// the name lhctl it is the command line client itself.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"littlehorse/internal/api"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := root(filepath.Base(os.Args[0])).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// root is the command tree of the binary under the name it was called by.
func root(name string) *cobra.Command {
	lh := &cobra.Command{
		Use:           "lh",
		Short:         "LittleHorse: workflows as durable as your data",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	lh.AddCommand(serveCommand(), versionCommand())
	_ = strings.TrimSuffix(name, ".exe")
	return lh
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of this binary", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(c.OutOrStdout(), "lh %s\n", api.Version())
			return err
		},
	}
}
