package bench

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// calibrationRounds are some tenths of a second.
const calibrationRounds = 20_000

// calibrate is the CPU time of a fixed piece of work, of the kinds that a server spends its time with: messages encoded and
// decoded, maps, garbage, digests, system calls. What else goes on at the machine makes it dearer, as it does the server's.
func calibrate() (time.Duration, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	defer w.Close()
	before, err := ownCPU()
	if err != nil {
		return 0, err
	}
	buffer := make([]byte, 512)
	for i := range calibrationRounds {
		if err := calibrationRound(i, r, w, buffer); err != nil {
			return 0, fmt.Errorf("calibrate: %w", err)
		}
	}
	after, err := ownCPU()
	return (after - before) / calibrationRounds, err
}

func calibrationRound(i int, r, w *os.File, buffer []byte) error {
	values := make(map[string]*lhpb.VariableValue, 8)
	for j := range 8 {
		name := strconv.Itoa(i + j)
		values[name] = &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: name}}
	}
	text, err := proto.Marshal(&lhpb.RunWfRequest{WfSpecName: "calibration", Variables: values})
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(text, &lhpb.RunWfRequest{}); err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	copy(buffer, sum[:])
	if _, err := w.Write(buffer); err != nil {
		return err
	}
	_, err = r.Read(buffer)
	return err
}

// ownCPU is what this process has used so far.
func ownCPU() (time.Duration, error) {
	var self unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &self); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(self.Utime.Nano() + self.Stime.Nano()), nil
}
