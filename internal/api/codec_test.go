package api

import (
	"bytes"
	"testing"
	"time"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

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

// sameAsStrict decodes into m and reports whether the bytes were such as the fast decoder may read.
func sameAsStrict(t *testing.T, m proto.Message, data []byte) (fast bool) {
	t.Helper()
	in := &incoming{}
	if err := (Codec{}).Unmarshal(mem.BufferSlice{mem.SliceBuffer(data)}, in); err != nil {
		t.Fatal(err)
	}
	look := shapes{}.of(m.ProtoReflect().Descriptor())
	err := in.into(m, look)
	strict := m.ProtoReflect().New().Interface()
	if refusal := decodeStrictly(data, strict); (refusal == nil) != (err == nil) {
		t.Fatalf("%T of %d: %v, strictly %v", m, len(data), err, refusal)
	}
	if err != nil {
		return false
	}
	if !proto.Equal(m, strict) {
		t.Fatalf("read as %v, strictly %v", m, strict)
	}
	b, err := (Codec{}).Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	same, err := (Codec{}).Marshal(strict)
	if err != nil || !bytes.Equal(b.Materialize(), same.Materialize()) {
		t.Fatalf("written as %x, %x (%v)", b.Materialize(), same.Materialize(), err)
	}
	return look.plain(data, maxPlainNesting)
}

// What the fast decoder would read otherwise, or not refuse, is left to the strict one.
func TestFastDecoderReadsWhatIsPlain(t *testing.T) {
	plain, err := proto.Marshal(&lhpb.ReportTaskRun{
		TaskRunId: &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: "child", ParentWfRunId: &lhpb.WfRunId{Id: "w"}}, TaskGuid: "0-1-2"},
		Time:      timestamppb.New(time.Unix(1_700_000_000, 5)), AttemptNumber: 3, LogOutput: text("é"),
		Result: &lhpb.ReportTaskRun_Output{Output: &lhpb.VariableValue{Value: &lhpb.VariableValue_Double{Double: 1.5}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !sameAsStrict(t, &lhpb.ReportTaskRun{}, plain) {
		t.Error("a usual report is not read fast")
	}
	run, err := proto.Marshal(&lhpb.RunWfRequest{WfSpecName: "order", Variables: map[string]*lhpb.VariableValue{"x": text("y"), "": {}}})
	if err != nil {
		t.Fatal(err)
	}
	if !sameAsStrict(t, &lhpb.RunWfRequest{}, run) {
		t.Error("a usual request is not read fast")
	}
	bytesField := func(number protowire.Number, b ...byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), b)
	}
	deep := []byte{}
	for range maxPlainNesting + 2 {
		deep = bytesField(2, deep...)
	}
	for name, data := range map[string][]byte{
		"text that is none":                bytesField(1, 0xff),
		"field that nobody knows":          bytesField(99, 'x'),
		"known field of another wire type": protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 7),
		"end of a group":                   protowire.AppendTag(nil, 1, protowire.EndGroupType),
		"deep":                             deep,
		"cut off":                          {0x0a, 5, 'a'},
		"length that is too long":          {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 'a'},
	} {
		if sameAsStrict(t, &lhpb.WfRunId{}, data) {
			t.Errorf("%s is read fast", name)
		}
	}
	for name, entry := range map[string][]byte{
		"entry without a value": bytesField(1, 'k'),
		"entry without a key":   bytesField(2),
		"entry turned around":   append(bytesField(2), bytesField(1, 'k')...),
		"entry of two values":   append(append(bytesField(1, 'k'), bytesField(2)...), bytesField(2)...),
	} {
		variables := (&lhpb.RunWfRequest{}).ProtoReflect().Descriptor().Fields().ByName("variables").Number()
		if sameAsStrict(t, &lhpb.RunWfRequest{}, bytesField(variables, entry...)) {
			t.Errorf("%s is read fast", name)
		}
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
			sameAsStrict(t, m, data)
		}
	})
}
