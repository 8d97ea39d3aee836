package ctl

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
)

func (c *cli) whoami() *cobra.Command {
	return unary(c, "whoami", "Print the principal that the server takes you for", cobra.NoArgs, api.Whoami,
		func(*request) (*emptypb.Empty, error) { return &emptypb.Empty{}, nil })
}

func (c *cli) versionVerb() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the versions of this client and of the server", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			fmt.Fprintf(cmd.OutOrStdout(), "lhctl version: %s (Git SHA %s)\n", c.version, c.commit)
			return c.with(cmd, args, func(r *request) error {
				v, err := r.api.GetServerVersion(r.ctx, &emptypb.Empty{})
				if errors.Is(err, lh.ErrUnimplemented) {
					fmt.Fprintln(cmd.OutOrStdout(), "Server is outdated")
					return nil
				}
				if err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), "Server version: "+versionText(v))
				return nil
			})
		},
	}
}

func versionText(v *lhpb.LittleHorseVersion) string {
	text := fmt.Sprintf("%d.%d.%d", v.MajorVersion, v.MinorVersion, v.GetPatchVersion())
	if pre := v.GetPreReleaseIdentifier(); pre != "" {
		text += "-" + pre
	}
	return text
}
