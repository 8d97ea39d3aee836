package keys

const (
	outputLog    byte = 0x01
	outputRecord byte = 0x02
)

func (t Tenant) output(kind byte) []byte {
	b := make([]byte, 0, 16+len(t.name))
	b = append(b, byte(SpaceOutput))
	return append(appendText(b, t.name), kind)
}

// OutputLog is the row of which output records the tenant has in this partition; its value is a pb.OutputLog.
func (t Tenant) OutputLog() Key { return Key(t.output(outputLog)) }

// Output is the row of an output record: an lhpb.OutputTopicRecord in core partitions, an
// lhpb.MetadataOutputTopicRecord in the metadata partition.
func (t Tenant) Output(number uint64) Key {
	return Key(appendInt64(t.output(outputRecord), int64(number)))
}

// Outputs is the prefix of the tenant's output records, in order of their numbers.
func (t Tenant) Outputs() Key { return Key(t.output(outputRecord)) }

// ParseOutput reads the parts of an Output key.
func ParseOutput(k Key) (tenant string, number uint64, err error) {
	p := &reader{rest: string(k)}
	if Space(p.byte()) != SpaceOutput {
		p.fail("output key")
	}
	tenant = p.text()
	if p.byte() != outputRecord {
		p.fail("key of an output record")
	}
	number = uint64(p.int64())
	return tenant, number, p.done()
}
