package lh

import (
	"crypto/rand"
	"encoding/hex"
	"strings"

	"littlehorse/lhpb"
)

// RunID is the text form of a WfRunId: the ids from the root WfRun down, joined by "_".
type RunID string

// NewRunID makes a random id for a WfRun without parent.
func NewRunID() RunID { return RunID(randomHex(16)) }

// RunIDOf is the text form of an id.
func RunIDOf(id *lhpb.WfRunId) RunID {
	if id == nil {
		return ""
	}
	if id.ParentWfRunId == nil {
		return RunID(id.Id)
	}
	return RunIDOf(id.ParentWfRunId) + "_" + RunID(id.Id)
}

// Proto is the id as the API wants it.
func (r RunID) Proto() *lhpb.WfRunId {
	var id *lhpb.WfRunId
	for part := range strings.SplitSeq(string(r), "_") {
		id = &lhpb.WfRunId{Id: part, ParentWfRunId: id}
	}
	return id
}

// Parent is the id of the parent WfRun, empty for a root.
func (r RunID) Parent() RunID {
	i := strings.LastIndexByte(string(r), '_')
	if i < 0 {
		return ""
	}
	return r[:i]
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return hex.EncodeToString(b)
}
