package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/store"
)

// changed gathers the keys of one stream that a commit changes. They become a row of the commit, so that the next
// checkpoint knows them whatever happens to this process.
type changed struct {
	of    machine.Stream
	keys  []byte // each as the length of what it has in common with the one before it, the length of the rest, and the rest
	last  []byte
	bytes int64 // of keys and values
}

func (c *changed) add(key, value []byte) {
	shared := 0
	for most := min(len(c.last), len(key)); shared < most && c.last[shared] == key[shared]; shared++ {
	}
	c.keys = binary.AppendUvarint(c.keys, uint64(shared))
	c.keys = binary.AppendUvarint(c.keys, uint64(len(key)-shared))
	c.keys = append(c.keys, key[shared:]...)
	c.last = key
	c.bytes += int64(len(key) + len(value))
}

// eachChanged visits the keys of such a row. They are good during the call only.
func eachChanged(row []byte, visit func(key []byte)) error {
	var key []byte
	for len(row) > 0 {
		shared, n := binary.Uvarint(row)
		rest, m := binary.Uvarint(row[max(0, n):])
		if n <= 0 || m <= 0 || shared > uint64(len(key)) || rest > uint64(len(row)-n-m) {
			return errors.New("a row of changed keys is damaged")
		}
		row = row[n+m:]
		key = append(key[:shared], row[:rest]...)
		row = row[rest:]
		visit(key)
	}
	return nil
}

// The rows of a store that are no state: they say how far it is, and what a checkpoint has to write.
var (
	positionRow = []byte(keys.Position())
	coveredRow  = []byte(keys.Covered())
	differsRow  = []byte(keys.Differs())
	changedRows = []byte(keys.AllChanged())
)

func isLocal(key []byte) bool {
	return len(key) > 0 && key[0] == byte(keys.SpaceLane) &&
		(bytes.HasPrefix(key, changedRows) || bytes.Equal(key, positionRow) || bytes.Equal(key, coveredRow) || bytes.Equal(key, differsRow))
}

// addChanged adds the rows of what the batch changes. The session's commit must be held.
func (s *Session) addChanged(b *store.Batch, p *progress) error {
	s.changed = s.changed[:0]
	err := b.Each(func(of machine.Stream, key, value []byte) {
		if !isLocal(key) {
			s.changedOf(of).add(key, value)
		}
	})
	if err != nil {
		return err
	}
	for i := range s.changed {
		c := &s.changed[i]
		st := s.log.streams[c.of]
		covered := p.covered[st]
		if len(covered) == 0 {
			return fmt.Errorf("commit of changes of %s, which goes no further", c.of)
		}
		if err := b.PutEncoded(c.of, keys.Changed(covered[len(covered)-1].next), c.keys); err != nil {
			return err
		}
		if p.uncovered == nil {
			p.uncovered = map[*stream]int64{}
		}
		p.uncovered[st] = c.bytes
	}
	return nil
}

// changedOf is what the commit has changed of the stream so far. The memory is that of earlier commits.
func (s *Session) changedOf(of machine.Stream) *changed {
	for i := len(s.changed) - 1; i >= 0; i-- {
		if s.changed[i].of == of {
			return &s.changed[i]
		}
	}
	if len(s.changed) < cap(s.changed) {
		s.changed = s.changed[:len(s.changed)+1]
	} else {
		s.changed = append(s.changed, changed{})
	}
	c := &s.changed[len(s.changed)-1]
	if cap(c.keys) > maxSpareKeys {
		c.keys = nil
	}
	*c = changed{of: of, keys: c.keys[:0]}
	return c
}

// maxSpareKeys is how much memory for keys is kept from one commit to the next.
const maxSpareKeys = 1 << 20

// changedPage is how many keys a checkpoint holds in memory. If more are changed, the rows are read once for each page.
const changedPage = 1 << 19

// changedAfter are the first keys behind one that no checkpoint covers, in order, each once.
func (st *stream) changedAfter(snap *store.Snapshot, after string, most int) ([]string, error) {
	found := map[string]struct{}{}
	first, bound := after == "", ""
	var broken error
	prefix := keys.AllChanged()
	err := snap.Scan(st.id, prefix, prefix.End(), func(_ keys.Key, row []byte) bool {
		broken = eachChanged(row, func(key []byte) {
			if !first && string(key) <= after || bound != "" && string(key) > bound {
				return
			}
			if _, ok := found[string(key)]; ok {
				return
			}
			found[string(key)] = struct{}{}
			if len(found) > 2*most {
				bound = cut(found, most)
			}
		})
		return broken == nil
	})
	if err := errors.Join(err, broken); err != nil {
		return nil, err
	}
	all := slices.Sorted(maps.Keys(found))
	return all[:min(len(all), most)], nil
}

// cut leaves the first n keys, and returns the last of them.
func cut(found map[string]struct{}, n int) string {
	all := slices.Sorted(maps.Keys(found))
	for _, k := range all[n:] {
		delete(found, k)
	}
	return all[n-1]
}
