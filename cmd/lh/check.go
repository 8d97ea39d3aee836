package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"littlehorse/internal/server"
	"littlehorse/internal/telemetry"
)

func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [properties-file]",
		Short: "Say what is wrong with the settings of a server, without starting it",
		Long: "Read the settings that `lh serve` would read, from the properties file if one is named, else from the environment,\n" +
			"and say every problem, which would end the start, and every warning: what is set without effect, and what a server\n" +
			"warns of when it starts, such as calls that nobody authenticates. Certificates and secrets in files are read, too.\n" +
			"Only problems make the exit code 1. Values of secrets are not shown.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			c.SilenceUsage = true
			file := ""
			if len(args) == 1 {
				file = args[0]
			}
			cfg, notices, err := server.LoadConfig(file)
			notices = append(notices, cfg.Warnings()...)
			for _, n := range notices {
				fmt.Fprintf(c.OutOrStdout(), "warning: %s: %s\n", n.Name, n.Text)
			}
			_, tracesErr := telemetry.CheckTraces()
			if err = errors.Join(err, tracesErr); err == nil {
				fmt.Fprintf(c.OutOrStdout(), "no problems, %d warnings\n", len(notices))
				return nil
			}
			for line := range strings.SplitSeq(err.Error(), "\n") {
				fmt.Fprintf(c.OutOrStdout(), "problem: %s\n", line)
			}
			return errors.New("a server does not start with these settings")
		},
	}
}
