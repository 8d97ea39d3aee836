package bench

import (
	"io/fs"
	"path/filepath"
)

// folderBytes is the size of all files below a folder, 0 without one. Files may come and go meanwhile.
func folderBytes(dir string) (bytes int64) {
	if dir == "" {
		return 0
	}
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	}) // the walk passes over what it cannot read
	return bytes
}
