package ctl

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	lh "littlehorse/sdk/client"
)

const (
	// loginTimeout is how long somebody may take to sign in.
	loginTimeout = time.Minute
	// browserAfter leaves time to read the address before a browser covers it.
	browserAfter = time.Second
)

func (c *cli) login() *cobra.Command {
	return &cobra.Command{
		Use: "login", Short: "Sign in with a browser, and keep the token for later calls", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.config()
			if err != nil {
				return failure{err}
			}
			if !cfg.ByLogin() {
				return failure{errors.New("Fatal: a login needs LHC_OAUTH_CLIENT_ID and LHC_OAUTH_SERVER_URL, and no LHC_OAUTH_ACCESS_TOKEN_URL")}
			}
			if err := signIn(cmd, cfg); err != nil {
				return failure{err}
			}
			fmt.Fprintln(cmd.OutOrStdout(), "Login Successful!")
			return nil
		},
	}
}

func signIn(cmd *cobra.Command, cfg lh.Config) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), loginTimeout)
	defer cancel()
	err := cfg.Login(ctx, func(address string) {
		fmt.Fprintf(cmd.OutOrStdout(), "Sign in at %s\n", address)
		time.AfterFunc(browserAfter, func() {
			if ctx.Err() == nil {
				openBrowser(ctx, address)
			}
		})
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("Timeout: %w", err)
	}
	return err
}

// openBrowser tries; who has none visits the address that was printed.
func openBrowser(ctx context.Context, address string) {
	program, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		program = "open"
	case "windows":
		program, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	_ = exec.CommandContext(ctx, program, args...).Run()
}
