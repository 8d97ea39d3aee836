package ctl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
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
	output          format
	watch           bool
	interval        time.Duration
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
		c.watched(c.get()), c.watched(c.search()), c.watched(c.list()), c.watched(c.count()), c.watched(c.explain()),
		c.put(), c.edit(), c.deploy(), c.remove(), c.run(), c.schedule(), c.postEvent(), c.stop(), c.resume(), c.rescue(),
		c.assign(), c.cancel(), c.execute(), c.save(), c.apply(), c.wait(), c.clock(), c.login(), c.whoami(), c.versionVerb(),
	}
	for _, verb := range verbs {
		c.addConfigFlag(verb)
		c.addOutputFlag(verb)
	}
	return verbs
}

func (c *cli) addConfigFlag(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&c.configFile, "configFile", "",
		"properties `file` to read instead of ${HOME}/.config/littlehorse.config and the environment")
}

func (c *cli) addOutputFlag(cmd *cobra.Command) {
	c.output = formatJSON
	cmd.PersistentFlags().VarP(&c.output, "output", "o", "form of the result")
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)))
}

// watched gives the commands of a verb that only reads the flags to read again and again.
func (c *cli) watched(verb *cobra.Command) *cobra.Command {
	verb.PersistentFlags().BoolVarP(&c.watch, "watch", "w", false, "print the result again whenever it changes, until interrupted")
	verb.PersistentFlags().DurationVar(&c.interval, "interval", time.Second, "how often --watch asks")
	return verb
}

// failure is an error of a command that was used well: its call failed, or an argument has no meaning.
type failure struct{ err error }

func (f failure) Error() string { return f.err.Error() }
func (f failure) Unwrap() error { return f.err }

// Execute runs a command tree and returns the exit code of the program. Errors of calls are printed as one line with date
// and time, errors of use with the usage, unless a command of another room has silenced that.
func Execute(ctx context.Context, root *cobra.Command) int {
	refuseOtherShells(root)
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
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: helpOrUnknown}
	cmd.AddCommand(resources...)
	return cmd
}

func helpOrUnknown(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return fmt.Errorf("unknown resource %q for %q", args[0], cmd.CommandPath())
}

// refuseOtherShells makes a shell that completions cannot be written for an error, as it is for other verbs.
func refuseOtherShells(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.Args, cmd.RunE = cobra.ArbitraryArgs, helpOrUnknown
		}
	}
}

// request is one use of a command, for those who make the call's message out of it.
type request struct {
	ctx   context.Context
	cmd   *cobra.Command
	api   lhpb.LittleHorseClient
	own   extra.ExtraServiceClient
	clock extra.ClockServiceClient
	bulk  extra.BulkServiceClient
	args  []string
}

// rpc is a call of the API, as its method expression.
type rpc[Req, Resp proto.Message] func(lhpb.LittleHorseClient, context.Context, Req, ...grpc.CallOption) (Resp, error)

// unary is a command that makes one call and prints the answer.
func unary[Req, Resp proto.Message](c *cli, use, short string, args cobra.PositionalArgs, call rpc[Req, Resp], build func(*request) (Req, error)) *cobra.Command {
	return leaf(c, use, short, args, func(r *request) (answer Resp, err error) {
		req, err := build(r)
		if err != nil {
			return answer, err
		}
		return call(r.api, r.ctx, req)
	})
}

// Prints is the annotation of a command that says which message it prints.
const Prints = "prints"

// leaf is a command that prints a message.
func leaf[Resp proto.Message](c *cli, use, short string, args cobra.PositionalArgs, run func(*request) (Resp, error)) *cobra.Command {
	var none Resp
	printed := string(none.ProtoReflect().Descriptor().Name())
	ask := func(r *request) (proto.Message, error) { return run(r) }
	return &cobra.Command{
		Use: use, Short: short, Long: short + ".\nPrints a message " + printed + ".", Args: args,
		Annotations: map[string]string{Prints: printed},
		RunE: func(cmd *cobra.Command, args []string) error {
			err := c.with(cmd, args, func(r *request) error {
				shown, err := c.show(r, nil, ask)
				if err != nil || !c.watch {
					return err
				}
				return c.follow(r, shown, ask)
			})
			if c.watch && cmd.Context().Err() != nil {
				return nil
			}
			return err
		},
	}
}

// show prints the answer unless it is what was shown before, and returns it.
func (c *cli) show(r *request, before []byte, run func(*request) (proto.Message, error)) ([]byte, error) {
	answer, err := run(r)
	if err != nil {
		return nil, err
	}
	text, err := c.render(r, answer)
	if err != nil || bytes.Equal(text, before) {
		return text, err
	}
	_, err = r.cmd.OutOrStdout().Write(text)
	return text, err
}

// render gives the answer in the form that was asked for. An explanation is for people unless told otherwise.
func (c *cli) render(r *request, answer proto.Message) ([]byte, error) {
	e, ok := answer.(*extra.ExplainWfRunResponse)
	if ok && (c.output == formatTable || !r.changed("output")) {
		return explanation(e), nil
	}
	return c.output.render(answer)
}

// follow shows every change until the program is interrupted, which is the good end of it.
func (c *cli) follow(r *request, shown []byte, run func(*request) (proto.Message, error)) error {
	if c.interval <= 0 {
		return fmt.Errorf("--interval must be longer than %v", c.interval)
	}
	tick := time.NewTicker(c.interval)
	defer tick.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return nil
		case <-tick.C:
		}
		text, err := c.show(r, shown, run)
		if err != nil {
			return err
		}
		shown = text
	}
}

// with connects, and marks errors as those of a command that was used well.
func (c *cli) with(cmd *cobra.Command, args []string, run func(*request) error) error {
	client, err := c.dial(cmd.Context())
	if err != nil {
		return failure{err}
	}
	defer client.Close()
	r := &request{
		ctx: cmd.Context(), cmd: cmd, api: client.RPC(), args: args,
		own: extra.NewExtraServiceClient(client.Conn()), clock: extra.NewClockServiceClient(client.Conn()),
		bulk: extra.NewBulkServiceClient(client.Conn()),
	}
	if err := run(r); err != nil {
		return failure{err}
	}
	return nil
}

func (c *cli) dial(ctx context.Context) (*lh.Client, error) {
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	return lh.Dial(ctx, cfg)
}

func (c *cli) config() (lh.Config, error) {
	if c.configFile == "" {
		return lh.LoadConfig()
	}
	return lh.LoadConfig(lh.File(c.configFile))
}
