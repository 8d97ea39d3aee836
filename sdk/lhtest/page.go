package lhtest

import (
	"context"

	"littlehorse/lhpb"
)

// list is a part of a list.
type list[T any] interface {
	GetResults() []T
	GetBookmark() []byte
}

// pageSize is the most that a server gives at once.
const pageSize = int32(1000)

// everything reads a list to its end; ask gets the next part behind a bookmark.
func everything[T any, L list[T]](s *Server, what string, ask func(ctx context.Context, api lhpb.LittleHorseClient, bookmark []byte) (L, error)) []T {
	s.t.Helper()
	var all []T
	s.call(what, func(ctx context.Context, api lhpb.LittleHorseClient) error {
		var bookmark []byte
		for {
			part, err := ask(ctx, api, bookmark)
			if err != nil {
				return err
			}
			all = append(all, part.GetResults()...)
			if bookmark = part.GetBookmark(); len(bookmark) == 0 {
				return nil
			}
		}
	})
	return all
}
