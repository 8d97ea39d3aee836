package api

import (
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// The end of a task is work in progress: what its worker says of it may not be refused for good, or the task would run
// until its deadline while the report is sent again and again.

// unfit tells of a report that is larger than a record, or of so many parts that there is never room for all of them.
func (c *call) unfit(burden int64) bool {
	return c.rpc.tooLarge(c.request.data.Len()) || c.line != nil && burden > c.line.of.inputs
}

// shorten takes what came of the task out of its report. The engine records the attempt as one whose result is too large.
func (c *call) shorten() {
	short := withoutResult(c.request.data.ReadOnlyData())
	c.request.data.Free()
	c.request.data = mem.SliceBuffer(short)
	c.decoded()
	c.shortened = true
}

// withoutResult is a ReportTaskRun in which results are empty that are there.
func withoutResult(b []byte) (out []byte) {
	var there [10]bool
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return append(out, b...) // nor is it decoded
		}
		size := protowire.ConsumeFieldValue(number, kind, b[n:])
		if size < 0 {
			return append(out, b...)
		}
		switch number {
		case 1, 2, 3, 6, 9: // which TaskRun and attempt, when it ended and how
			out = append(out, b[:n+size]...)
		case 4, 5, 7, 8: // output, log, error, exception
			if !there[number] && kind == protowire.BytesType {
				out = protowire.AppendBytes(protowire.AppendTag(out, number, kind), nil)
				there[number] = true
			}
		}
		b = b[n+size:]
	}
	return out
}
