package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"littlehorse/internal/server"
)

// skipTime is how long the brokers may take.
const skipTime = time.Minute

func skipCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "skip <stream> <offset> [properties-file]",
		Short: "Let no server of a cluster apply a record that ends them",
		Long: "A server that has ended three times while it applied one record rests the partition, and logs which record of which stream that was.\n" +
			"This command writes into the metadata of the cluster that nobody applies it: what it asked for is dropped, and the partition is\n" +
			"served again. It goes to the brokers by the settings that `lh serve` would read, and needs no server. It cannot be undone.",
		Example: "  lh skip c/3 4711",
		Args:    cobra.RangeArgs(2, 3),
		RunE: func(c *cobra.Command, args []string) error {
			offset, err := strconv.ParseUint(args[1], 10, 64)
			if err != nil {
				return fmt.Errorf("%q is no offset", args[1])
			}
			c.SilenceUsage = true
			file := ""
			if len(args) == 3 {
				file = args[2]
			}
			cfg, _, err := server.LoadConfig(file)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), skipTime)
			defer cancel()
			if err := server.Skip(ctx, &cfg, args[0], offset); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "record %d of %s will be applied by nobody\n", offset, args[0])
			return err
		},
	}
}
