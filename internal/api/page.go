package api

import (
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/lh"
)

// Bounds of one page of a Search or List.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
	// maxPageBytes ends a page of whole objects before it meets the message limit of ordinary clients, 4 MiB.
	maxPageBytes = 3 << 20
)

// paged is a request for a page.
type paged interface {
	proto.Message
	GetLimit() int32
	GetBookmark() []byte
}

// page is where a Search or List starts and how far it goes.
type page struct {
	limit int
	after string // position behind which the page begins; "" is the beginning
	mark  queryMark
}

// pageOf reads limit and bookmark. limit is the request's field, whose presence matters.
func pageOf(c *call, rpc string, req paged, limit *int32) (page, *lh.Error) {
	p := page{limit: DefaultLimit, mark: markOf(rpc, c.tenant, req)}
	if limit != nil {
		if *limit <= 0 {
			return p, lh.Errorf(lh.InvalidArgument, "limit must be positive, it is %d", *limit)
		}
		p.limit = min(int(*limit), MaxLimit)
	}
	if b := req.GetBookmark(); len(b) > 0 {
		after, err := decodeBookmark(p.mark, b)
		if err != nil {
			return p, err
		}
		p.after = after
	}
	return p, nil
}

// next is the bookmark that goes on behind position.
func (p page) next(position string) []byte { return encodeBookmark(p.mark, position) }
