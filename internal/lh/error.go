package lh

import (
	"errors"
	"fmt"
	"time"
)

// Code says what kind of refusal an Error is. The values are those of gRPC status codes, so that the face
// of the server needs no table; nothing below the face uses gRPC.
type Code uint32

// The codes that the server gives.
const (
	InvalidArgument    Code = 3
	DeadlineExceeded   Code = 4
	NotFound           Code = 5
	AlreadyExists      Code = 6
	PermissionDenied   Code = 7
	ResourceExhausted  Code = 8
	FailedPrecondition Code = 9
	Aborted            Code = 10
	Unimplemented      Code = 12
	Internal           Code = 13
	Unavailable        Code = 14
	Unauthenticated    Code = 16
)

// Error is a refusal: it names the object and what to change, and becomes a gRPC status at the edge.
type Error struct {
	Code    Code
	Message string
	// RetryAfter is sent with ResourceExhausted when the caller may try again; 0 sends nothing.
	RetryAfter time.Duration
	// Again says that the request has done nothing and never will: who holds it may give it to somebody else.
	Again bool
}

func (e *Error) Error() string { return e.Message }

// Errorf makes a refusal.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// AsError finds the refusal in err; nil if there is none.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}
