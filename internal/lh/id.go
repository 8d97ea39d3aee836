package lh

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"littlehorse/lhpb"
)

// MaxWfRunDepth bounds how many ancestors a WfRunId may name.
const MaxWfRunDepth = 64

// ValidName reports whether s follows the name rule: ASCII letters, digits and inner hyphens, at least one
// character.
func ValidName(s string) bool {
	if s == "" || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// WfRunIDString is the canonical text of a WfRunId: the ids from the root down, joined by "_".
func WfRunIDString(id *lhpb.WfRunId) string {
	if id.GetParentWfRunId() == nil {
		return id.GetId()
	}
	return WfRunIDString(id.ParentWfRunId) + "_" + id.Id
}

// ParseWfRunID reads the canonical text back.
func ParseWfRunID(s string) *lhpb.WfRunId {
	var id *lhpb.WfRunId
	for _, part := range strings.Split(s, "_") {
		id = &lhpb.WfRunId{Id: part, ParentWfRunId: id}
	}
	return id
}

// RootWfRunID is the id of the top-most ancestor: everything of its tree lives on one partition.
func RootWfRunID(id *lhpb.WfRunId) string {
	for id.GetParentWfRunId() != nil {
		id = id.ParentWfRunId
	}
	return id.GetId()
}

// WfRunIDDepth counts the ids in the chain, the root being 1.
func WfRunIDDepth(id *lhpb.WfRunId) int {
	n := 0
	for ; id != nil; id = id.ParentWfRunId {
		n++
	}
	return n
}

// DerivedID makes the n-th id that follows from a request: 32 hex digits in the form of a version 4 UUID
// without hyphens. The same request gives the same ids on every replica.
func DerivedID(requestID []byte, n uint32) string {
	h := sha256.New()
	h.Write(requestID)
	h.Write(binary.BigEndian.AppendUint32(nil, n))
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return hex.EncodeToString(u)
}

// MaxCorrelationKeyBytes bounds correlation keys: they become part of the keys of the store.
const MaxCorrelationKeyBytes = 4096

// CheckCorrelationKey refuses what cannot be the key of a CorrelatedEvent.
func CheckCorrelationKey(key string) *Error {
	if strings.ContainsAny(key, "/~") {
		return Errorf(InvalidArgument, "CorrelatedEvent keys cannot contain '/' or '~'")
	}
	if len(key) > MaxCorrelationKeyBytes {
		return Errorf(InvalidArgument, "CorrelatedEvent keys have at most %d bytes, this one has %d", MaxCorrelationKeyBytes, len(key))
	}
	return nil
}
