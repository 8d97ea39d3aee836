package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// List is the file in a backup that names all others.
const List = "backup.json"

// format of backups; a newer one is refused.
const format = 1

// Backup says what a backup holds.
type Backup struct {
	Format int `json:"format"`
	// Taken is the moment of the backup: what was acknowledged before is in it.
	Taken time.Time `json:"taken"`
	Files []File    `json:"files"`
}

// File is one file of a backup.
type File struct {
	Name   string `json:"name"` // with slashes
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Bytes is the size of all files.
func (b *Backup) Bytes() (sum int64) {
	for _, f := range b.Files {
		sum += f.Bytes
	}
	return sum
}

// sealed is the list as it is written, with its own sum.
type sealed struct {
	Backup json.RawMessage `json:"backup"`
	SHA256 string          `json:"sha256"`
}

// Write copies what is in folder from to the new folder to, but for what is named in except. Folder to is there
// when all of it is durable, or not at all. An existing folder is refused.
func Write(ctx context.Context, from, to string, taken time.Time, except ...string) (*Backup, error) {
	b := &Backup{Format: format, Taken: taken.UTC()}
	names, err := regularFiles(from, except)
	if err != nil {
		return nil, err
	}
	err = appear(to, func(dir string) error {
		for _, name := range names {
			f, err := copyFile(ctx, filepath.Join(from, name), filepath.Join(dir, name))
			if err != nil {
				return err
			}
			f.Name = filepath.ToSlash(name)
			b.Files = append(b.Files, *f)
		}
		return b.write(filepath.Join(dir, List))
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// Read reads the list of a backup.
func Read(from string) (*Backup, error) {
	text, err := os.ReadFile(filepath.Join(from, List))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no backup: it has no %s", from, List)
	} else if err != nil {
		return nil, err
	}
	var s sealed
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("%s of %s is damaged: %w", List, from, err)
	}
	if sum := sha256.Sum256(s.Backup); hex.EncodeToString(sum[:]) != s.SHA256 {
		return nil, fmt.Errorf("%s of %s is damaged: its sum is wrong", List, from)
	}
	b := &Backup{}
	if err := json.Unmarshal(s.Backup, b); err != nil {
		return nil, fmt.Errorf("%s of %s is damaged: %w", List, from, err)
	}
	if b.Format != format {
		return nil, fmt.Errorf("%s has format %d, this program knows %d: use the version that made it, or a newer one", from, b.Format, format)
	}
	for _, f := range b.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Name)) {
			return nil, fmt.Errorf("%s of %s names %q, which is outside of it", List, from, f.Name)
		}
	}
	return b, nil
}

// Restore copies a backup to the folder to, which must be absent or empty. It is there when all files are whole
// and durable, or not at all.
func Restore(ctx context.Context, from, to string) (*Backup, error) {
	b, err := Read(from)
	if err != nil {
		return nil, err
	}
	err = appear(to, func(dir string) error {
		for _, want := range b.Files {
			name := filepath.FromSlash(want.Name)
			is, err := copyFile(ctx, filepath.Join(from, name), filepath.Join(dir, name))
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return fmt.Errorf("the backup is not whole: %s is missing", want.Name)
			case err != nil:
				return err
			case is.Bytes != want.Bytes:
				return fmt.Errorf("the backup is damaged: %s has %d bytes instead of %d", want.Name, is.Bytes, want.Bytes)
			case is.SHA256 != want.SHA256:
				return fmt.Errorf("the backup is damaged: %s is not what was written", want.Name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (b *Backup) write(name string) error {
	list, err := json.Marshal(b)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(list)
	text, err := json.Marshal(sealed{list, hex.EncodeToString(sum[:])})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// appear fills a folder beside dir and gives it that name once it is durable. What it cannot finish it removes.
func appear(dir string, fill func(partial string) error) (err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	if there, err := os.ReadDir(dir); err == nil && len(there) > 0 {
		return fmt.Errorf("%s is not empty", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	above := filepath.Dir(dir)
	if err := os.MkdirAll(above, 0o700); err != nil {
		return err
	}
	partial, err := os.MkdirTemp(above, "."+filepath.Base(dir)+".partial-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(partial))
		}
	}()
	if err := fill(partial); err != nil {
		return err
	}
	if err := syncFolders(partial); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(partial, dir); err != nil {
		return err
	}
	return syncFolder(above)
}

func regularFiles(dir string, except []string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case slices.Contains(except, name) && d.IsDir():
			return fs.SkipDir
		case slices.Contains(except, name) || d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is no regular file", path)
		}
		names = append(names, name)
		return nil
	})
	return names, err
}

// copyFile copies a file durably, and tells its size and sum.
func copyFile(ctx context.Context, from, to string) (_ *File, err error) {
	in, err := os.Open(from)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return nil, err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), &reader{ctx, in})
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return nil, fmt.Errorf("copy %s: %w", filepath.Base(from), err)
	}
	return &File{Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	in  io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(p)
}

func syncFolders(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncFolder(path)
	})
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
