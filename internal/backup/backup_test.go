package backup_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"littlehorse/internal/backup"
)

var taken = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

// made is a backup of a small folder.
func made(t *testing.T) (from, to string) {
	t.Helper()
	dir := t.TempDir()
	from, to = filepath.Join(dir, "from"), filepath.Join(dir, "to")
	write(t, filepath.Join(from, "a"), "one")
	write(t, filepath.Join(from, "sub", "b"), strings.Repeat("two", 1000))
	write(t, filepath.Join(from, "empty"), "")
	write(t, filepath.Join(from, "LOCK"), "")
	write(t, filepath.Join(from, "control", "x"), "not data")
	b, err := backup.Write(t.Context(), from, to, taken, "LOCK", "control")
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Files) != 3 || b.Bytes() != 3003 || !b.Taken.Equal(taken) {
		t.Errorf("the backup is %+v", b)
	}
	return from, to
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// holds: LostDisksAreRebuilt
func TestRestoreGivesBackWhatWasWritten(t *testing.T) {
	from, to := made(t)
	back := filepath.Join(t.TempDir(), "deep", "back")
	b, err := backup.Restore(t.Context(), to, back)
	if err != nil || !b.Taken.Equal(taken) {
		t.Fatal(b, err)
	}
	for _, name := range []string{"a", "sub/b", "empty"} {
		want, err := os.ReadFile(filepath.Join(from, name))
		is, err2 := os.ReadFile(filepath.Join(back, name))
		if err := errors.Join(err, err2); err != nil || !bytes.Equal(is, want) {
			t.Errorf("%s: %q, %v", name, is, err)
		}
	}
	if there, err := os.ReadDir(back); err != nil || len(there) != 3 {
		t.Errorf("the restored folder holds %v, %v", there, err)
	}
}

// Whatever is wrong with a backup, nothing appears.
func TestDamagedBackupsAreRefused(t *testing.T) {
	for what, damage := range map[string]func(dir string) error{
		"is missing":           func(dir string) error { return os.Remove(filepath.Join(dir, "a")) },
		"bytes instead of":     func(dir string) error { return os.Truncate(filepath.Join(dir, "sub", "b"), 2999) },
		"not what was written": func(dir string) error { return flip(filepath.Join(dir, "sub", "b"), 1500) },
		"has no backup.json":   func(dir string) error { return os.Remove(filepath.Join(dir, backup.List)) },
		"its sum is wrong":     func(dir string) error { return replace(filepath.Join(dir, backup.List), `"bytes":3,`, `"bytes":4,`) },
		"damaged":              func(dir string) error { return os.Truncate(filepath.Join(dir, backup.List), 40) },
	} {
		t.Run(what, func(t *testing.T) {
			_, dir := made(t)
			if err := damage(dir); err != nil {
				t.Fatal(err)
			}
			above := t.TempDir()
			if _, err := backup.Restore(t.Context(), dir, filepath.Join(above, "back")); err == nil || !strings.Contains(err.Error(), what) {
				t.Errorf("restored with %v", err)
			}
			if there, err := os.ReadDir(above); err != nil || len(there) > 0 {
				t.Errorf("left %v, %v", there, err)
			}
		})
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	from, to := made(t)
	if _, err := backup.Write(t.Context(), from, to, taken); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("wrote over a backup: %v", err)
	}
	if _, err := backup.Restore(t.Context(), to, from); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("restored over data: %v", err)
	}
	empty := t.TempDir()
	if _, err := backup.Restore(t.Context(), to, empty); err != nil {
		t.Errorf("an empty folder is no obstacle: %v", err)
	}
}

func TestACancelledBackupLeavesNothing(t *testing.T) {
	from, _ := made(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	above := t.TempDir()
	if _, err := backup.Write(ctx, from, filepath.Join(above, "b"), taken); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if there, err := os.ReadDir(above); err != nil || len(there) > 0 {
		t.Errorf("left %v, %v", there, err)
	}
}

func flip(name string, at int) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	b[at] ^= 1
	return os.WriteFile(name, b, 0o600)
}

func replace(name, old, new string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if !bytes.Contains(b, []byte(old)) {
		return errors.New("nothing to replace")
	}
	return os.WriteFile(name, bytes.Replace(b, []byte(old), []byte(new), 1), 0o600)
}
