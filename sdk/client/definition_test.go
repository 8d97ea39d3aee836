package lh_test

import (
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// taskDef is a definition of one TaskDef without inputs.
type taskDef string

func (d taskDef) PutRequests() ([]proto.Message, error) {
	return []proto.Message{&lhpb.PutTaskDefRequest{Name: string(d)}}, nil
}
