package api

import (
	"crypto/sha256"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"littlehorse/internal/lh"
)

// A bookmark is a version byte, a mark of the query it belongs to, and the position behind which to go on.
// It holds all there is to know: any server can serve the next page, at any time.
const (
	bookmarkVersion = 1
	markLen         = 8
	maxBookmark     = 64 << 10
)

type queryMark [markLen]byte

// markOf tells queries apart: the same RPC, tenant and criteria give the same mark, whatever limit and
// bookmark say.
func markOf(rpc, tenant string, req proto.Message) queryMark {
	criteria := proto.Clone(req).ProtoReflect()
	for _, name := range []protoreflect.Name{"limit", "bookmark"} {
		if f := criteria.Descriptor().Fields().ByName(name); f != nil {
			criteria.Clear(f)
		}
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(criteria.Interface())
	if err != nil {
		panic(err)
	}
	h := sha256.New()
	h.Write([]byte(rpc + "\x00" + tenant + "\x00"))
	h.Write(b)
	return queryMark(h.Sum(nil)[:markLen])
}

func encodeBookmark(mark queryMark, position string) []byte {
	b := make([]byte, 0, 1+markLen+len(position))
	b = append(b, bookmarkVersion)
	b = append(b, mark[:]...)
	return append(b, position...)
}

// decodeBookmark gives the position of a bookmark that this very query has returned.
func decodeBookmark(mark queryMark, b []byte) (position string, err *lh.Error) {
	if len(b) <= 1+markLen || len(b) > maxBookmark || b[0] != bookmarkVersion {
		return "", lh.Errorf(lh.InvalidArgument, "The bookmark is not one that this server returns: repeat the request without it to start from the beginning")
	}
	if queryMark(b[1:1+markLen]) != mark {
		return "", lh.Errorf(lh.InvalidArgument, "The bookmark belongs to another request: pass it with exactly the criteria of the request that returned it")
	}
	return string(b[1+markLen:]), nil
}
