package check

import (
	"math"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// Output checks the output records of a partition, be it a core partition or that of the metadata.
func Output(v machine.View) []Violation {
	s := &state{view: v}
	s.checkOutput()
	return s.found
}

// checkOutput wants the output records of each tenant to be exactly those that its log speaks of, with a timer
// that deletes them in time.
func (s *state) checkOutput() {
	space := keys.Key([]byte{byte(keys.SpaceOutput)})
	var log *pb.OutputLog
	next := uint64(0)
	end := func() {
		if log != nil && next != log.Next {
			s.violate("output log", "ends at %d, the records at %d", log.Next, next)
		}
	}
	for k, v := range s.view.Scan(space, space.End(), math.MaxInt, func() machine.Value { return &raw{} }) {
		tenant, number, err := keys.ParseOutput(k)
		if err == nil {
			if number != next {
				s.violate("output of "+tenant, "record %d stands where %d should", number, next)
			}
			next = number + 1
			continue
		}
		end()
		log = &pb.OutputLog{}
		if err := decode(v, log); err != nil {
			s.violate("output log", "%v", err)
		}
		next = log.First
		if log.First != log.Next && log.TrimNs == 0 {
			s.violate("output log", "nothing deletes its records")
		}
	}
	end()
}
