package ctl_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"littlehorse/internal/ctl"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

var rewrite = flag.Bool("rewrite", false, "write what the commands print into the scripts; read the difference")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"lhctl": func() {
			os.Exit(ctl.Execute(context.Background(), ctl.Root(ctl.Version("1.2.3", "abc"))))
		},
	})
}

// TestScripts runs each script against a server of its own, which answers a call of Method with the file
// answers/Method.json (empty without one) or the error in answers/Method.error, and notes calls in the file requests.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: *rewrite,
		Setup: func(env *testscript.Env) error {
			port, err := serve(env, &fake{dir: env.WorkDir, calls: map[string]int{}})
			if err != nil {
				return err
			}
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("LHC_API_HOST", "127.0.0.1")
			env.Setenv("LHC_API_PORT", port)
			return nil
		},
	})
}

func serve(env *testscript.Env, f *fake) (port string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(f.handle))
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	env.Defer(func() {
		server.Stop()
		<-served
	})
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), nil
}

// fake answers any unary call of the API from files.
type fake struct {
	dir string

	mu    sync.Mutex
	calls map[string]int
}

func (f *fake) handle(_ any, stream grpc.ServerStream) error {
	full, _ := grpc.MethodFromServerStream(stream)
	name := full[strings.LastIndexByte(full, '/')+1:]
	method := lhpb.File_service_proto.Services().ByName("LittleHorse").Methods().ByName(protoreflect.Name(name))
	if strings.HasPrefix(full, "/"+extra.ExtraService_ServiceDesc.ServiceName+"/") {
		method = extra.File_littlehorse_extra_v1_explain_proto.Services().Get(0).Methods().ByName(protoreflect.Name(name))
	}
	if strings.HasPrefix(full, "/"+extra.ClockService_ServiceDesc.ServiceName+"/") {
		method = extra.File_littlehorse_extra_v1_clock_proto.Services().Get(0).Methods().ByName(protoreflect.Name(name))
	}
	if strings.HasPrefix(full, "/"+extra.BulkService_ServiceDesc.ServiceName+"/") {
		method = extra.File_littlehorse_extra_v1_bulk_proto.Services().Get(0).Methods().ByName(protoreflect.Name(name))
	}
	req, answer := newMessage(method.Input()), newMessage(method.Output())
	if err := stream.RecvMsg(req); err != nil {
		return err
	}
	f.note(stream.Context(), name, req)
	if text, err := f.read(name, ".error"); err == nil {
		code, message, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
		var c codes.Code
		if err := c.UnmarshalJSON([]byte(strconv.Quote(code))); err != nil {
			return err
		}
		return status.Error(c, message)
	}
	if text, err := f.read(name, ".json"); err == nil {
		if err := protojson.Unmarshal(text, answer); err != nil {
			return err
		}
	}
	return stream.SendMsg(answer)
}

// read gives what the files say about this call of the method: Method.3.json for its third, else Method.json.
func (f *fake) read(name, ending string) ([]byte, error) {
	f.mu.Lock()
	nth := fmt.Sprintf("%s.%d", name, f.calls[name])
	f.mu.Unlock()
	text, err := os.ReadFile(filepath.Join(f.dir, "answers", nth+ending))
	if err == nil {
		return text, nil
	}
	return os.ReadFile(filepath.Join(f.dir, "answers", name+ending))
}

func newMessage(d protoreflect.MessageDescriptor) proto.Message {
	t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		panic(err)
	}
	return t.New().Interface()
}

// note writes a line "[tenant] Method {request}", with moments of the last hours made stable.
func (f *fake) note(ctx context.Context, name string, req proto.Message) {
	text, err := protojson.Marshal(req)
	if err != nil {
		panic(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		panic(err)
	}
	tenant := ""
	if md, _ := metadata.FromIncomingContext(ctx); len(md.Get("tenantid")) > 0 {
		tenant = strings.Join(md.Get("tenantid"), ",") + " "
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[name]++
	out, err := os.OpenFile(filepath.Join(f.dir, "requests"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer out.Close()
	fmt.Fprintf(out, "%s%s %s\n", tenant, name, compact.String())
}

// Whoever interrupts --watch has seen enough, even of a first answer that does not come.
func TestInterruptedWatchIsDone(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	for code, args := range [][]string{{"get", "taskDef", "t", "--watch"}, {"get", "taskDef", "t"}} {
		root := ctl.Root()
		root.SetArgs(args)
		root.SetErr(io.Discard)
		if got := ctl.Execute(interrupted, root); got != code {
			t.Errorf("%v ends with %d", args, got)
		}
	}
}

// TestEveryCommandHasAScript: a command without one in testdata is a command that nobody has seen work.
func TestEveryCommandHasAScript(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Split(string(text), "\n")...)
	}
	root := ctl.Root()
	root.InitDefaultCompletionCmd()
	eachLeaf(root, func(leaf *cobra.Command) {
		if leaf.Name() == "login" {
			return // needs a browser; the script shows how it is refused, tests of sdk/client how it succeeds
		}
		tried := func(line string) bool {
			return line == leaf.CommandPath() || strings.HasPrefix(line, leaf.CommandPath()+" ")
		}
		if !slices.ContainsFunc(lines, tried) {
			t.Errorf("no script runs %q", leaf.CommandPath())
		}
	})
}

func eachLeaf(cmd *cobra.Command, do func(*cobra.Command)) {
	for _, child := range cmd.Commands() {
		eachLeaf(child, do)
	}
	if !cmd.HasSubCommands() {
		do(cmd)
	}
}
