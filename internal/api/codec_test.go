package api

import (
	"bytes"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/lhpb"
)

func TestCodecSpeaksProtobuf(t *testing.T) {
	for _, m := range []proto.Message{
		&emptypb.Empty{},
		&lhpb.WfRunId{Id: "w", ParentWfRunId: &lhpb.WfRunId{Id: "p"}},
		&lhpb.Variable{Value: text(string(make([]byte, 5000)))},
	} {
		b, err := Codec{}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		want, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil || !bytes.Equal(b.Materialize(), want) {
			t.Errorf("%T is encoded as %x", m, b.Materialize())
		}
		back := proto.Clone(m)
		proto.Reset(back)
		if err := (Codec{}).Unmarshal(b, back); err != nil || !proto.Equal(m, back) {
			t.Errorf("%v comes back as %v (%v)", m, back, err)
		}
	}
	if _, err := (Codec{}).Marshal("text"); err == nil {
		t.Error("a string is encoded")
	}
}

// Whatever bytes come in, decoding ends with a message or an error, and what was decoded can be encoded.
func FuzzCodec(f *testing.F) {
	seed, err := proto.Marshal(&lhpb.RunWfRequest{WfSpecName: "order", Variables: map[string]*lhpb.VariableValue{"x": text("y")}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add(bytes.Repeat([]byte{0x12, 0x7e}, 300))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, m := range []proto.Message{&lhpb.RunWfRequest{}, &lhpb.PutWfSpecRequest{}, &lhpb.ReportTaskRun{}, &lhpb.WfRunId{}} {
			in := &incoming{message: m}
			if err := (Codec{}).Unmarshal(mem.BufferSlice{mem.SliceBuffer(data)}, in); err != nil {
				t.Fatal(err)
			}
			if in.err != nil {
				continue
			}
			if _, err := (Codec{}).Marshal(m); err != nil {
				t.Fatal(err)
			}
		}
	})
}
