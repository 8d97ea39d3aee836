package bench

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// usage is what the load side and the server have used so far.
type usage struct {
	load      time.Duration // CPU
	server    time.Duration // CPU
	written   int64         // bytes the server gave to its disk; -1 where the kernel does not tell
	residentB int64
}

func readUsage(pids []int) (usage, error) {
	var u usage
	var err error
	if u.load, err = ownCPU(); err != nil {
		return u, err
	}
	for _, pid := range pids {
		cpu, err := processCPU(pid)
		if err != nil {
			return u, fmt.Errorf("server process %d: %w", pid, err)
		}
		u.server += cpu
		if written := procValue(pid, "io", "write_bytes:"); written < 0 || u.written < 0 {
			u.written = -1
		} else {
			u.written += written
		}
	}
	u.residentB = resident(pids)
	return u, nil
}

// resident is the memory of processes.
func resident(pids []int) (bytes int64) {
	for _, pid := range pids {
		bytes += max(0, procValue(pid, "status", "VmRSS:")) << 10
	}
	return bytes
}

// processCPU is user and system time of a process, of threads that have ended too, by the clock that the kernel keeps of it:
// /proc/<pid>/stat counts whole hundredths of a second.
func processCPU(pid int) (time.Duration, error) {
	var used unix.Timespec
	if err := unix.ClockGettime(processClock(pid), &used); err != nil {
		return 0, fmt.Errorf("clock_gettime: %w", err)
	}
	return time.Duration(used.Nano()), nil
}

// processClock is the id of the CPU clock of a process, as clock_getcpuclockid(3) makes it.
func processClock(pid int) int32 {
	const scheduled = 2
	return int32(^pid<<3 | scheduled)
}

// procValue reads a number out of a file of name-value lines below /proc/<pid>; -1 where there is none.
func procValue(pid int, file, name string) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return -1
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		rest, ok := strings.CutPrefix(line, name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		if err != nil {
			return -1
		}
		return n
	}
	return -1
}

// machine says where the numbers come from.
type machine struct {
	Cores  int    `json:"cores"`
	Model  string `json:"model"`
	Kernel string `json:"kernel"`
	OS     string `json:"os"`
	Go     string `json:"go"`
	// LoadAverage is that of the last minute, this measurement included: what else went on.
	LoadAverage float64 `json:"loadAverage"`
}

func thisMachine() machine {
	m := machine{Cores: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.LoadAverage, _ = strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.SplitSeq(string(text), "\n") {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				m.Model = strings.TrimSpace(value)
				break
			}
		}
	}
	return m
}
