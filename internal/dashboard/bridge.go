package dashboard

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/api"
	"littlehorse/internal/lh"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// Bounds of a call.
const (
	// mostCalls are under way at a time.
	mostCalls = 512
	// defaultPatience is how long a call may take whose caller does not say it, and mostPatience if he does.
	defaultPatience = 30 * time.Second
	mostPatience    = time.Hour
	// hurry is how many times sooner a request has to come while there is little room.
	hurry = 6
	// maxNesting bounds how deep a request may nest.
	maxNesting = 150
)

// call answers POST /api/<RPC> and /api/<service>/<RPC>: the unary protocol of Connect, in JSON.
func (h *handler) call(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/api/")
	rpc := h.named(name)
	if rpc == nil {
		answer(w, http.StatusNotFound, status.Newf(codes.Unimplemented, "There is no RPC %s", name))
		return
	}
	v := h.posted(w, r)
	if v == nil {
		return
	}
	defer v.leave()
	if rpc.Streams() {
		fail(w, status.Newf(codes.Unimplemented, "%s is a stream: it is served by gRPC only", rpc.Name))
		return
	}
	told := asJSON
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Accept")); kind == asText.kind {
		told = asText
	}
	text, err := h.do(r, rpc, v, told, func() ([]byte, error) {
		text, err := io.ReadAll(v.body(w, r))
		if err != nil {
			return nil, err
		}
		unhurried(w)
		return text, v.enter()
	})
	if http.NewResponseController(w).SetWriteDeadline(time.Now().Add(h.WriteTimeout)) != nil {
		return // nobody is there
	}
	if err != nil {
		fail(w, status.Convert(err))
		return
	}
	w.Header().Set("Content-Type", told.kind)
	_, _ = w.Write(text) // who has gone needs no answer
}

// unhurried takes back how long a request may take to arrive: it would end the call, too.
func unhurried(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // where it fails, nobody is there
}

// named looks an RPC up, by its name alone or with that of its service. One without a service is of the official API, or
// else of ours.
func (h *handler) named(name string) *api.Call {
	if service, rpc, ok := strings.Cut(name, "/"); ok {
		return h.calls.Find(service, rpc)
	}
	for _, service := range []string{
		lhpb.LittleHorse_ServiceDesc.ServiceName, extra.ExtraService_ServiceDesc.ServiceName, extra.ViewService_ServiceDesc.ServiceName,
		extra.ClockService_ServiceDesc.ServiceName, extra.BulkService_ServiceDesc.ServiceName,
	} {
		if c := h.calls.Find(service, name); c != nil {
			return c
		}
	}
	return nil
}

// posted judges the form of a request. It is nil if it has refused it; else leave gives back what the request takes. While
// there is little room it has to come sooner.
func (h *handler) posted(w http.ResponseWriter, r *http.Request) *visit {
	if code, why := misposted(r); why != "" {
		if code == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodPost)
		}
		answer(w, code, status.New(codes.InvalidArgument, why))
		return nil
	}
	within := h.WriteTimeout
	if !h.room.plenty() {
		within /= hurry
	}
	if http.NewResponseController(w).SetReadDeadline(time.Now().Add(within)) != nil {
		return nil // nobody is there
	}
	if !own(r, h.Origins...) {
		fail(w, status.New(codes.PermissionDenied, "Only pages of this server may call it from a browser"))
		return nil
	}
	patience, wrong := patienceOf(r)
	if wrong != nil {
		fail(w, wrong)
		return nil
	}
	return &visit{h: h, patience: patience}
}

// do makes a call and gives what it answers, told so. The request is read when the caller is admitted.
func (h *handler) do(r *http.Request, rpc *api.Call, v *visit, told telling, read func() ([]byte, error)) (text []byte, err error) {
	defer h.caught(rpc, &err)
	ctx, cancel := context.WithTimeout(r.Context(), v.patience)
	defer cancel()
	taken := int64(0)
	defer func() { v.give(taken) }()
	reply, err := rpc.Do(asCall(ctx, r), func(request proto.Message) error {
		text, err := read()
		if err == nil {
			if err := v.take(burden(text)); err != nil {
				return err
			}
			taken = burden(text)
		}
		return decode(text, err, request)
	})
	if err != nil {
		return nil, err
	}
	if text, err = told.marshal(reply); err != nil {
		h.Log.Error("reply cannot be told", "rpc", rpc.Name, "as", told.kind, "err", err)
		return nil, errUnexpected
	}
	v.has(len(text))
	return text, nil
}

// telling is how a reply is told, and its Content-Type.
type telling struct {
	kind    string
	marshal func(proto.Message) ([]byte, error)
}

var (
	asJSON = telling{"application/json", inJSON.Marshal}
	asText = telling{"text/plain", inText}
)

// variedText is what the library puts between a field and its value: on purpose not always the same.
var variedText = regexp.MustCompile(`(?m)^( *[^ :]+:) +`)

// inText is protobuf text, a line each field.
func inText(m proto.Message) ([]byte, error) {
	text, err := prototext.MarshalOptions{Multiline: true, Indent: "  "}.Marshal(m)
	return variedText.ReplaceAll(text, []byte("$1 ")), err
}

var errUnexpected = status.Error(codes.Internal, "An unexpected internal error occurred. Please contact support for assistance.")

// caught turns a panic of a call into an answer: those of a batch are made by goroutines that nobody else looks after.
func (h *handler) caught(rpc *api.Call, err *error) {
	if p := recover(); p != nil {
		h.Log.Error("call panicked", "rpc", rpc.Name, "err", lh.Cause(p), "stack", string(debug.Stack()))
		*err = errUnexpected
	}
}

// misposted says what is wrong with the form of a request.
func misposted(r *http.Request) (code int, why string) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, encoding := params["charset"], r.Header.Get("Content-Encoding")
	switch {
	case r.Method != http.MethodPost:
		return http.StatusMethodNotAllowed, "An RPC is called with POST"
	case err != nil || kind != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8"):
		return http.StatusUnsupportedMediaType, "The request must be of Content-Type application/json, in UTF-8"
	case encoding != "" && encoding != "identity":
		return http.StatusUnsupportedMediaType, "The request must not be compressed"
	case r.URL.RawQuery != "":
		return http.StatusBadRequest, "An RPC takes no query: its request is the body"
	}
	return 0, ""
}

// patienceOf is how long the caller waits.
func patienceOf(r *http.Request) (time.Duration, *status.Status) {
	text := r.Header.Get("Connect-Timeout-Ms")
	if text == "" {
		return defaultPatience, nil
	}
	ms, err := strconv.ParseUint(text, 10, 64)
	if err != nil || len(text) > 10 {
		return 0, status.New(codes.InvalidArgument, "Connect-Timeout-Ms must be a number of at most ten digits")
	}
	return min(time.Duration(ms)*time.Millisecond, mostPatience), nil
}

// decode reads a request. A field that there is not is refused: it may have been meant to bound what is done.
func decode(text []byte, err error, request proto.Message) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return lh.Errorf(lh.ResourceExhausted, "The request has more than %d bytes", large.Limit)
	case errors.Is(err, errRoom), errors.Is(err, errPlaces):
		return err
	case err != nil:
		return lh.Errorf(lh.InvalidArgument, "The request cannot be read: %v", err)
	}
	if err := (protojson.UnmarshalOptions{RecursionLimit: maxNesting}).Unmarshal(text, request); err != nil {
		// The library varies its texts on purpose, by a space that does not break.
		return lh.Errorf(lh.InvalidArgument, "The request cannot be decoded: %s", strings.ReplaceAll(err.Error(), "\u00a0", " "))
	}
	return nil
}

// connectCode is how Connect calls and tells a status.
type connectCode struct {
	name string
	http int
}

var connectCodes = map[codes.Code]connectCode{
	codes.Canceled:           {"canceled", 499},
	codes.Unknown:            {"unknown", http.StatusInternalServerError},
	codes.InvalidArgument:    {"invalid_argument", http.StatusBadRequest},
	codes.DeadlineExceeded:   {"deadline_exceeded", http.StatusGatewayTimeout},
	codes.NotFound:           {"not_found", http.StatusNotFound},
	codes.AlreadyExists:      {"already_exists", http.StatusConflict},
	codes.PermissionDenied:   {"permission_denied", http.StatusForbidden},
	codes.ResourceExhausted:  {"resource_exhausted", http.StatusTooManyRequests},
	codes.FailedPrecondition: {"failed_precondition", http.StatusBadRequest},
	codes.Aborted:            {"aborted", http.StatusConflict},
	codes.OutOfRange:         {"out_of_range", http.StatusBadRequest},
	codes.Unimplemented:      {"unimplemented", http.StatusNotImplemented},
	codes.Internal:           {"internal", http.StatusInternalServerError},
	codes.Unavailable:        {"unavailable", http.StatusServiceUnavailable},
	codes.DataLoss:           {"data_loss", http.StatusInternalServerError},
	codes.Unauthenticated:    {"unauthenticated", http.StatusUnauthorized},
}

// connectError is how a refusal is told.
type connectError struct {
	Code    string          `json:"code"`
	Message string          `json:"message"`
	Details []connectDetail `json:"details,omitempty"`
}

type connectDetail struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// fail answers with a status.
func fail(w http.ResponseWriter, s *status.Status) {
	code, known := connectCodes[s.Code()]
	if !known {
		code = connectCodes[codes.Unknown]
	}
	if code.http == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	answer(w, code.http, s)
}

func answer(w http.ResponseWriter, code int, s *status.Status) {
	writeJSON(w, code, toldOf(s))
}

func toldOf(s *status.Status) connectError {
	told := connectError{Code: connectCodes[s.Code()].name, Message: s.Message()}
	for _, d := range s.Proto().GetDetails() {
		_, kind, _ := strings.Cut(d.TypeUrl, "/")
		told.Details = append(told.Details, connectDetail{kind, base64.RawStdEncoding.EncodeToString(d.Value)})
	}
	return told
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	to := json.NewEncoder(w)
	to.SetEscapeHTML(false)
	_ = to.Encode(v) // nobody is there to be told
}
