package bench

import (
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// disk is what the server's disk does without the server.
type disk struct {
	FileSystem string  `json:"fileSystem"`
	SyncUs     float64 `json:"fdatasyncMedianUs"`
	SyncP99Us  float64 `json:"fdatasyncP99Us"`
}

const (
	syncs     = 200
	syncBytes = 4096
)

// measureDisk appends blocks to a file of its own in the folder and times fdatasync.
func measureDisk(dir string) (*disk, error) {
	if dir == "" {
		return nil, nil
	}
	file, err := os.CreateTemp(dir, "bench-fdatasync-")
	if err != nil {
		return nil, fmt.Errorf("--data-dir: %w", err)
	}
	defer func() {
		_ = file.Close()
		_ = os.Remove(file.Name()) // what stays behind is one small file
	}()
	block := make([]byte, syncBytes)
	took := make([]time.Duration, syncs)
	for i := range took {
		if _, err := file.Write(block); err != nil {
			return nil, fmt.Errorf("--data-dir: %w", err)
		}
		begin := time.Now()
		if err := unix.Fdatasync(int(file.Fd())); err != nil {
			return nil, fmt.Errorf("--data-dir: fdatasync: %w", err)
		}
		took[i] = time.Since(begin)
	}
	slices.Sort(took)
	us := func(d time.Duration) float64 { return round(float64(d)/float64(time.Microsecond), 1) }
	return &disk{FileSystem: fileSystem(dir), SyncUs: us(took[syncs/2]), SyncP99Us: us(took[syncs*99/100])}, nil
}

var fileSystems = map[int64]string{
	0xef53: "ext4", 0x58465342: "xfs", 0x9123683e: "btrfs", 0x01021994: "tmpfs", 0x794c7630: "overlayfs",
	0x6969: "nfs", 0x2fc12fc1: "zfs", 0xf2f52010: "f2fs",
}

func fileSystem(dir string) string {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return "unknown"
	}
	if name, ok := fileSystems[int64(s.Type)]; ok {
		return name
	}
	return fmt.Sprintf("%#x", s.Type)
}
