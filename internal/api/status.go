package api

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"littlehorse/internal/lh"
)

// statusOf makes the gRPC status of a call's outcome. It is the only place that does. known is false for an
// error that nobody meant for a client; it is answered with INTERNAL and should be logged.
func statusOf(err error) (s *status.Status, known bool) {
	if err == nil {
		return nil, true
	}
	if e := lh.AsError(err); e != nil {
		return refusal(e), true
	}
	if s, ok := status.FromError(err); ok {
		return s, true
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return status.New(codes.DeadlineExceeded, "the deadline of the call has passed"), true
	case errors.Is(err, context.Canceled):
		return status.New(codes.Canceled, "the call was cancelled"), true
	default:
		return status.New(codes.Internal, "An unexpected internal error occurred. Please contact support for assistance."), false
	}
}

func refusal(e *lh.Error) *status.Status {
	s := status.New(codes.Code(e.Code), e.Message)
	if e.RetryAfter <= 0 {
		return s
	}
	detailed, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
	if err != nil {
		return s
	}
	return detailed
}

// codeName is the name of a status code as metrics and documents write it.
func codeName(c codes.Code) string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "UNKNOWN"
}

var codeNames = [...]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

// CodeName is the name of a refusal's code.
func CodeName(c lh.Code) string { return codeName(codes.Code(c)) }
