package spec

import (
	"fmt"

	"littlehorse/internal/lh"
)

// problem is why a WfSpec is refused. Each level that it passes on its way out puts its own name in front.
type problem struct {
	text string
	// bare problems are told without the names of the levels.
	bare bool
	code lh.Code
}

func problemf(format string, args ...any) *problem {
	return &problem{text: fmt.Sprintf(format, args...), code: lh.InvalidArgument}
}

func baref(format string, args ...any) *problem {
	return &problem{text: fmt.Sprintf(format, args...), bare: true, code: lh.InvalidArgument}
}

// within puts the name of a level in front; nil stays nil.
func (p *problem) within(format string, args ...any) *problem {
	if p == nil || p.bare {
		return p
	}
	return &problem{text: fmt.Sprintf(format, args...) + " invalid: " + p.text, code: p.code}
}

// after puts a remark in front; nil stays nil.
func (p *problem) after(remark string) *problem {
	if p == nil || p.bare {
		return p
	}
	return &problem{text: remark + ": " + p.text, code: p.code}
}

func (p *problem) refusal() *lh.Error {
	if p == nil {
		return nil
	}
	if p.bare {
		return &lh.Error{Code: p.code, Message: p.text}
	}
	return &lh.Error{Code: p.code, Message: "PutWfSpecRequest is invalid: " + p.text}
}
