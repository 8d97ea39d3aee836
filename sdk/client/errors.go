package lh

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The reasons a server gives for refusing a call; test for them with errors.Is.
var (
	ErrNotFound           = &Error{code: codes.NotFound}
	ErrAlreadyExists      = &Error{code: codes.AlreadyExists}
	ErrInvalidArgument    = &Error{code: codes.InvalidArgument}
	ErrFailedPrecondition = &Error{code: codes.FailedPrecondition}
	ErrPermissionDenied   = &Error{code: codes.PermissionDenied}
	ErrUnauthenticated    = &Error{code: codes.Unauthenticated}
	ErrResourceExhausted  = &Error{code: codes.ResourceExhausted}
	ErrUnavailable        = &Error{code: codes.Unavailable}
	ErrUnimplemented      = &Error{code: codes.Unimplemented}
	ErrInternal           = &Error{code: codes.Internal}
)

// Error is what a call that the server refused, or that did not reach it, returns. The gRPC status stays reachable by
// status.FromError.
type Error struct {
	code   codes.Code
	status *status.Status
}

// Error is the code and the server's text.
func (e *Error) Error() string {
	if e.status == nil {
		return "littlehorse: " + e.code.String()
	}
	return e.status.Err().Error()
}

// Code is the gRPC code of the refusal.
func (e *Error) Code() codes.Code { return e.code }

// Message is the server's text alone.
func (e *Error) Message() string { return e.status.Message() }

// GRPCStatus is the full status.
func (e *Error) GRPCStatus() *status.Status {
	if e.status == nil {
		return status.New(e.code, "")
	}
	return e.status
}

// Is matches errors of the same code, and the context's own errors for calls that the caller ended.
func (e *Error) Is(target error) bool {
	if other, ok := target.(*Error); ok {
		return other.status == nil && other.code == e.code
	}
	switch target {
	case context.Canceled:
		return e.code == codes.Canceled
	case context.DeadlineExceeded:
		return e.code == codes.DeadlineExceeded
	}
	return false
}

func wrapStatus(err error) error {
	if err == nil {
		return nil
	}
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	return &Error{code: s.Code(), status: s}
}

// TaskException is a business failure of a task: the attempt is not retried, and exception handlers of the workflow may
// match its name.
type TaskException struct {
	// Name follows the name rule: letters, digits and inner hyphens.
	Name string
	// Message is for people: it becomes that of the failure.
	Message string
	// Content reaches the handler's INPUT; any type that Value accepts, nil for none.
	Content any
}

// Error is the name and the message.
func (e *TaskException) Error() string { return e.Name + ": " + e.Message }

// Exception is the error a task function returns to fail with a business exception.
func Exception(name, format string, args ...any) error {
	return ExceptionWith(name, nil, format, args...)
}

// ExceptionWith is Exception with a payload for the handler.
func ExceptionWith(name string, content any, format string, args ...any) error {
	if !ValidName(name) {
		return fmt.Errorf("exception name %q: use letters, digits and inner hyphens", name)
	}
	return &TaskException{Name: name, Message: fmt.Sprintf(format, args...), Content: content}
}

// ValidName reports whether a name may be given to definitions, WfRuns and exceptions: ASCII letters, digits and inner
// hyphens, at least one character.
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
