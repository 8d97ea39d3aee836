package ctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"runtime/debug"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
)

// Option tells the commands about the binary they are part of.
type Option func(*cli)

// Version is what the version verb prints; without it the build information of the binary is used.
func Version(version, commit string) Option {
	return func(c *cli) { c.version, c.commit = version, commit }
}

// cli is what all commands of one tree share.
type cli struct {
	configFile      string
	version, commit string
}

func newCLI(options []Option) *cli {
	c := &cli{version: "unknown", commit: "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
		c.version = info.Main.Version
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				c.commit = setting.Value
			}
		}
	}
	for _, option := range options {
		option(c)
	}
	return c
}

// Root is the program lhctl.
func Root(options ...Option) *cobra.Command {
	c := newCLI(options)
	root := &cobra.Command{
		Use: "lhctl", Short: "Command line client of LittleHorse", Version: c.version,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetVersionTemplate(fmt.Sprintf("lhctl version %s (Git SHA %s)\n", c.version, c.commit))
	c.addConfigFlag(root)
	root.AddCommand(c.verbs()...)
	return root
}

// Commands are the verbs of lhctl.
func Commands(options ...Option) []*cobra.Command {
	return newCLI(options).verbs()
}

func (c *cli) verbs() []*cobra.Command {
	verbs := []*cobra.Command{
		c.get(), c.search(), c.list(), c.count(), c.put(), c.deploy(), c.remove(), c.run(), c.schedule(), c.postEvent(),
		c.stop(), c.resume(), c.rescue(), c.assign(), c.cancel(), c.wait(), c.whoami(), c.versionVerb(),
	}
	for _, verb := range verbs {
		c.addConfigFlag(verb)
	}
	return verbs
}

func (c *cli) addConfigFlag(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&c.configFile, "configFile", "",
		"properties `file` to read instead of ${HOME}/.config/littlehorse.config and the environment")
}

// failure is an error of a command that was used well: its call failed, or an argument has no meaning.
type failure struct{ err error }

func (f failure) Error() string { return f.err.Error() }
func (f failure) Unwrap() error { return f.err }

// Execute runs a command tree and returns the exit code of the program. Errors of calls are printed as one line with date
// and time, errors of use with the usage, unless a command of another room has silenced that.
func Execute(ctx context.Context, root *cobra.Command) int {
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	printError(root.ErrOrStderr(), cmd, err)
	return 1
}

func printError(w io.Writer, cmd *cobra.Command, err error) {
	var f failure
	switch {
	case errors.As(err, &f):
		log.New(w, "", log.LstdFlags).Print(err)
	case cmd.SilenceUsage && cmd.HasParent():
		fmt.Fprintf(w, "Error: %v\n", err)
	default:
		fmt.Fprintf(w, "Error: %v\n%s", err, cmd.UsageString())
	}
}

// group is a verb with resources below it.
func group(use, short string, resources ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return fmt.Errorf("unknown resource %q for %q", args[0], cmd.CommandPath())
		},
	}
	cmd.AddCommand(resources...)
	return cmd
}

// request is one use of a command, for those who make the call's message out of it.
type request struct {
	ctx  context.Context
	cmd  *cobra.Command
	api  lhpb.LittleHorseClient
	args []string
}

// rpc is a call of the API, as its method expression.
type rpc[Req, Resp proto.Message] func(lhpb.LittleHorseClient, context.Context, Req, ...grpc.CallOption) (Resp, error)

// unary is a command that makes one call and prints the answer.
func unary[Req, Resp proto.Message](c *cli, use, short string, args cobra.PositionalArgs, call rpc[Req, Resp], build func(*request) (Req, error)) *cobra.Command {
	return c.leaf(use, short, args, func(r *request) (proto.Message, error) {
		req, err := build(r)
		if err != nil {
			return nil, err
		}
		return call(r.api, r.ctx, req)
	})
}

// leaf is a command that prints a message.
func (c *cli) leaf(use, short string, args cobra.PositionalArgs, run func(*request) (proto.Message, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, args, func(r *request) error {
				answer, err := run(r)
				if err != nil {
					return err
				}
				return printJSON(cmd.OutOrStdout(), answer)
			})
		},
	}
}

// with connects, and marks errors as those of a command that was used well.
func (c *cli) with(cmd *cobra.Command, args []string, run func(*request) error) error {
	client, err := c.dial(cmd.Context())
	if err != nil {
		return failure{err}
	}
	defer client.Close()
	if err := run(&request{ctx: cmd.Context(), cmd: cmd, api: client.RPC(), args: args}); err != nil {
		return failure{err}
	}
	return nil
}

func (c *cli) dial(ctx context.Context) (*lh.Client, error) {
	var source []lh.Source
	if c.configFile != "" {
		source = append(source, lh.File(c.configFile))
	}
	cfg, err := lh.LoadConfig(source...)
	if err != nil {
		return nil, err
	}
	return lh.Dial(ctx, cfg)
}
