package lh

import (
	"context"
	"fmt"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// page is a part of what a search or a list finds.
type page[T any] interface {
	GetResults() []T
	GetBookmark() []byte
}

// All goes through everything that a search or a list of the API finds, page by page. It ends with the first error.
//
//	for id, err := range lh.All(ctx, client.RPC().SearchWfRun, &lhpb.SearchWfRunRequest{WfSpecName: "order"}) {
func All[Q proto.Message, P page[T], T any](ctx context.Context, rpc func(context.Context, Q, ...grpc.CallOption) (P, error), request Q) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		bookmark := request.ProtoReflect().Descriptor().Fields().ByName("bookmark")
		if bookmark == nil {
			yield(none, fmt.Errorf("%T has no pages", request))
			return
		}
		next := proto.Clone(request).(Q)
		for {
			var found P
			err := retryUnavailable(ctx, func() (err error) {
				found, err = rpc(ctx, next)
				return err
			})
			if err != nil {
				yield(none, err)
				return
			}
			for _, one := range found.GetResults() {
				if !yield(one, nil) {
					return
				}
			}
			if len(found.GetBookmark()) == 0 {
				return
			}
			next.ProtoReflect().Set(bookmark, protoreflect.ValueOfBytes(found.GetBookmark()))
		}
	}
}
