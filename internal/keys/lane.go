package keys

// Position is the row of how many records of its stream the partition has applied.
func Position() Key { return Key(appendText([]byte{byte(SpaceLane)}, "position")) }

// Clock is the row of the partition's clock, which only moves forward.
func Clock() Key { return Key(appendText([]byte{byte(SpaceLane)}, "clock")) }

// Source is the row of the last number applied of a source.
func Source(name string) Key {
	return Key(appendText(appendText([]byte{byte(SpaceLane)}, "source"), name))
}

// Outbox is the row of a record emitted to another stream and not yet acknowledged.
func Outbox(target string, number uint64) Key {
	b := appendText(appendText([]byte{byte(SpaceLane)}, "outbox"), target)
	return Key(appendInt64(b, int64(number)))
}

// Outboxes is the prefix of all emitted records not yet acknowledged.
func Outboxes() Key { return Key(appendText([]byte{byte(SpaceLane)}, "outbox")) }

// Sources is the prefix of the last numbers of all sources.
func Sources() Key { return Key(appendText([]byte{byte(SpaceLane)}, "source")) }

// Emitted is the row of the last number given to a record emitted to another stream.
func Emitted(target string) Key {
	return Key(appendText(appendText([]byte{byte(SpaceLane)}, "emitted"), target))
}

// AllEmitted is the prefix of the last numbers given.
func AllEmitted() Key { return Key(appendText([]byte{byte(SpaceLane)}, "emitted")) }

// Version is the row of the highest catalog version that a record of the partition has named.
func Version() Key { return Key(appendText([]byte{byte(SpaceLane)}, "version")) }

// Changed is the row of the keys that one commit has changed, as long as no checkpoint covers them. The number is where
// the stream goes on behind the commit.
func Changed(next int64) Key {
	return Key(appendInt64(appendText([]byte{byte(SpaceLane)}, "changed"), next))
}

// AllChanged is the prefix of the changed keys that no checkpoint covers.
func AllChanged() Key { return Key(appendText([]byte{byte(SpaceLane)}, "changed")) }

// Covered is the row of what the last checkpoint covers.
func Covered() Key { return Key(appendText([]byte{byte(SpaceLane)}, "covered")) }

// Differs is the row of a copy that was found not to be what its owner has.
func Differs() Key { return Key(appendText([]byte{byte(SpaceLane)}, "differs")) }

// ParseSource reads the name of a Source key.
func ParseSource(k Key) (name string, err error) {
	p := laneReader(k, "source")
	name = p.text()
	return name, p.done()
}

// ParseEmitted reads the target of an Emitted key.
func ParseEmitted(k Key) (target string, err error) {
	p := laneReader(k, "emitted")
	target = p.text()
	return target, p.done()
}

// ParseOutbox reads the parts of an Outbox key.
func ParseOutbox(k Key) (target string, number uint64, err error) {
	p := laneReader(k, "outbox")
	target, number = p.text(), uint64(p.int64())
	return target, number, p.done()
}

func laneReader(k Key, row string) *reader {
	p := &reader{rest: string(k)}
	if Space(p.byte()) != SpaceLane || p.text() != row {
		p.fail("key of the lane's " + row + " rows")
	}
	return p
}
