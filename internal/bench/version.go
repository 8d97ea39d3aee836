package bench

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"littlehorse/lhpb"
)

// built is the commit that this program was built from, as it was told; without it what the Go toolchain noted counts.
var built string

// versions say what was measured, and by what.
type versions struct {
	Client string `json:"client"` // commit of this program
	Server string `json:"server"` // version that the server says of itself
	// Binaries are the commits of the server's processes, or a digest of programs that do not know theirs.
	Binaries []string `json:"serverBinaries,omitempty"`
}

func theseVersions(server *lhpb.LittleHorseVersion, pids []int) versions {
	v := versions{Client: ownCommit(), Server: versionText(server)}
	for _, pid := range pids {
		v.Binaries = append(v.Binaries, binaryOf(pid))
	}
	return v
}

func versionText(v *lhpb.LittleHorseVersion) string {
	if v == nil {
		return "unknown"
	}
	text := fmt.Sprintf("%d.%d.%d", v.MajorVersion, v.MinorVersion, v.GetPatchVersion())
	if v.GetPreReleaseIdentifier() != "" {
		text += "-" + v.GetPreReleaseIdentifier()
	}
	return text
}

func ownCommit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return cmp.Or(built, "unknown")
	}
	return cmp.Or(built, revision(info), digest("/proc/self/exe"))
}

func binaryOf(pid int) string {
	exe := fmt.Sprintf("/proc/%d/exe", pid)
	if sameFile(exe, "/proc/self/exe") {
		return ownCommit()
	}
	info, err := buildinfo.ReadFile(exe)
	if err != nil {
		return digest(exe)
	}
	return cmp.Or(revision(info), digest(exe))
}

func sameFile(a, b string) bool {
	one, errOne := os.Stat(a)
	other, errOther := os.Stat(b)
	return errOne == nil && errOther == nil && os.SameFile(one, other)
}

// revision is the commit as the Go toolchain noted it, "" where it did not.
func revision(info *debug.BuildInfo) string {
	var revision, modified string
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value[:min(len(s.Value), 12)]
		case "vcs.modified":
			if s.Value == "true" {
				modified = "-dirty"
			}
		}
	}
	if revision == "" {
		return ""
	}
	return revision + modified
}

// digest tells one program file from another.
func digest(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "unknown"
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)[:6])
}
