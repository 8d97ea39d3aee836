package partition

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"littlehorse/internal/machine"
)

// ErrLethal says that a record has ended the process as often as is borne. Its stream is not worked for until an operator has the record skipped.
var ErrLethal = errors.New("partition: a record ends the process")

// maxDeaths is how often a record may end the process.
const maxDeaths = 3

// Marks say which record of each stream is being applied. They lie in a file that is mapped into memory, so that they outlive the process, however it
// ends, and cost nothing. They need not outlive the machine.
type Marks struct {
	bytes  []byte
	at     map[machine.Stream]int
	lethal map[machine.Stream]uint64 // offsets, as of when the process began
	close  func() error
}

// OpenMarks opens the file, or makes it, for streams that are always the same.
func OpenMarks(file string, streams []machine.Stream) (*Marks, error) {
	m := &Marks{at: map[machine.Stream]int{}, lethal: map[machine.Stream]uint64{}}
	for i, s := range streams {
		m.at[s] = i * markBytes
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := len(streams) * markBytes
	had, err := f.Stat()
	if err == nil && had.Size() != int64(size) { // with its blocks: there is nobody to tell when a page finds no room on the disk
		err = errors.Join(f.Truncate(0), writeZeros(f, size))
	}
	if err == nil {
		m.bytes, m.close, err = mapped(f, size)
	}
	if err != nil {
		return nil, fmt.Errorf("partition: %s: %w", file, err)
	}
	for _, s := range streams {
		if offset, times := m.of(s).died(); times >= maxDeaths {
			m.lethal[s] = offset
		}
	}
	return m, nil
}

func writeZeros(f *os.File, size int) error {
	_, err := f.WriteAt(make([]byte, size), 0)
	return err
}

// Close gives the file up, which nobody may mark any more.
func (m *Marks) Close() error { return m.close() }

// of is the mark of a stream; without Marks it is none.
func (m *Marks) of(s machine.Stream) mark {
	if m == nil {
		return nil
	}
	at := m.at[s]
	return mark(m.bytes[at : at+markBytes : at+markBytes])
}

// mark is three numbers: the offset of the record that is being applied, 0 if none is; that of the record that has ended the process last; and how often it has.
type mark []byte

const markBytes = 24

func (m mark) get(n int) uint64    { return binary.LittleEndian.Uint64(m[8*n:]) }
func (m mark) set(n int, v uint64) { binary.LittleEndian.PutUint64(m[8*n:], v) }

// begins says that the record is being applied.
func (m mark) begins(offset uint64) {
	if m != nil {
		m.set(0, offset)
	}
}

// ends says that it was, and that it does no harm.
func (m mark) ends(offset uint64) {
	if m == nil {
		return
	}
	m.set(0, 0)
	if m.get(1) == offset {
		m.set(1, 0)
		m.set(2, 0)
	}
}

// died notes that a process has ended, which may have been while it applied a record. It tells which has ended one last, and how often.
func (m mark) died() (offset, times uint64) {
	if offset := m.get(0); offset != 0 {
		if m.get(1) != offset {
			m.set(2, 0)
		}
		m.set(1, offset)
		m.set(2, m.get(2)+1)
		m.set(0, 0)
	}
	return m.get(1), m.get(2)
}

// Lethal is the offset of the record that has ended processes over a stream too often; 0 if there is none, or it is skipped. Nil skips none.
func (m *Marks) Lethal(s machine.Stream, skips func(machine.Stream, uint64) bool) uint64 {
	if m == nil {
		return 0
	}
	offset := m.lethal[s]
	if offset != 0 && skips != nil && skips(s, offset) {
		return 0
	}
	return offset
}
