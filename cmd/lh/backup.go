package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"littlehorse/internal/backup"
	"littlehorse/internal/server"
	"littlehorse/internal/store"
)

func backupCommand() *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy the data of a server on this machine, also while it runs",
		Long: "Copy all data of the server whose state folder is --state-dir to the new folder DIR. A running server goes on:\n" +
			"what it had acknowledged when the backup began is in it. Run it as the user of the server. Keep the copy on\n" +
			"another disk; `lh restore` makes a state folder of it.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			c.SilenceUsage = true
			b, untold, err := takeBackup(c.Context(), state, args[0])
			if err != nil {
				return fmt.Errorf("backup: %w", err)
			}
			if untold != nil {
				fmt.Fprintf(c.ErrOrStderr(), "warning: the server does not know that it was copied, and may warn of an old backup: %v\n", untold)
			}
			fmt.Fprintf(c.OutOrStdout(), "%s holds what was acknowledged until %s: %d files, %d bytes\n",
				args[0], b.Taken.Format(time.RFC3339Nano), len(b.Files), b.Bytes())
			return nil
		},
	}
	stateDirFlag(cmd, &state, "state folder of the server")
	return cmd
}

func restoreCommand() *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use:   "restore DIR",
		Short: "Make a state folder of a backup",
		Long: "Copy a backup that `lh backup` has made to --state-dir, which must be absent or empty. Every file is compared with\n" +
			"what was written. Start a server on it with the settings of the one before. Never let both run: the tasks that\n" +
			"were under way would be done twice.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			c.SilenceUsage = true
			b, err := backup.Restore(c.Context(), args[0], state)
			if err != nil {
				return fmt.Errorf("restore: %w", err)
			}
			fmt.Fprintf(c.OutOrStdout(), "%s holds what was acknowledged until %s\n", state, b.Taken.Format(time.RFC3339Nano))
			return nil
		},
	}
	stateDirFlag(cmd, &state, "state folder to make")
	return cmd
}

func stateDirFlag(cmd *cobra.Command, state *string, about string) {
	cmd.Flags().StringVar(state, "state-dir", cmp.Or(os.Getenv("LHS_STATE_DIR"), "./lh-data"), about)
}

// takeBackup copies what the running server lends, or the folder itself when no server runs. The copy is whole also if
// the server could not be told of it.
func takeBackup(ctx context.Context, state, to string) (b *backup.Backup, untold, err error) {
	if _, err := os.Stat(filepath.Join(state, store.LockFile)); err != nil {
		return nil, nil, fmt.Errorf("%s is no state folder of a server: %w", state, err)
	}
	lent, body, err := borrow(ctx, state)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		b, err = copyStopped(ctx, state, to)
		return b, nil, err
	} else if err != nil {
		return nil, nil, err
	}
	defer body.Close()
	if b, err = backup.Write(ctx, lent.Dir, to, lent.Taken, store.LockFile); err != nil {
		return nil, nil, err
	}
	return b, tellCopied(ctx, state), nil
}

// borrow asks the server for a copy of its store, which is there until body is closed.
func borrow(ctx context.Context, state string) (*server.Checkpoint, io.Closer, error) {
	body, err := ask(ctx, state, "/checkpoint")
	if err != nil {
		return nil, nil, err
	}
	lent := &server.Checkpoint{}
	if err := json.NewDecoder(body).Decode(lent); err != nil {
		return nil, nil, errors.Join(err, body.Close())
	}
	return lent, body, nil
}

// tellCopied tells the server that the copy of what it lends is durable.
func tellCopied(ctx context.Context, state string) error {
	body, err := ask(ctx, state, "/copied")
	if err != nil {
		return err
	}
	return body.Close()
}

// ask posts to the control socket of the running server.
func ask(ctx context.Context, state, path string) (io.ReadCloser, error) {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(state, server.ControlDir, server.ControlSocket))
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://server"+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 != 2 {
		text, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
		return nil, errors.Join(fmt.Errorf("the server refuses: %s", strings.TrimSpace(string(text))), err, res.Body.Close())
	}
	return res.Body, nil
}

// copyStopped copies the folder of a server that does not run, and keeps one from starting meanwhile.
func copyStopped(ctx context.Context, state, to string) (_ *backup.Backup, err error) {
	lock, err := store.Lock(state)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	return backup.Write(ctx, state, to, time.Now(), store.LockFile, server.ControlDir)
}
