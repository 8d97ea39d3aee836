package server

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"

	"golang.org/x/net/http2"
	"pgregory.net/rapid"

	"littlehorse/internal/api"
)

// What came of messages that are not whole counts to the byte, but for what frames take beside their data; whole ones, and
// those of streams that have ended, do not. It does not matter in which pieces all of it is read.
func TestWhatIsOnItsWayCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const streams = 5
		b := api.NewBacklogs(1<<20, 1<<28)
		in := newIncoming(b.Open(&counted{of: &limited{}}))
		var wire bytes.Buffer
		wire.WriteString(http2.ClientPreface)
		framer := http2.NewFramer(&wire, nil)
		framer.AllowIllegalWrites = true
		feed := func() {
			for rest := wire.Next(wire.Len()); len(rest) > 0; {
				n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
				in.read(rest[:n])
				rest = rest[n:]
			}
		}
		_ = framer.WriteSettings()
		for id := range uint32(streams) {
			_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*id + 1, BlockFragment: make([]byte, 30), EndHeaders: true})
		}
		left := map[uint32][]byte{} // of messages that are on their way
		sent := map[uint32]int{}    // of them
		frames := map[uint32]int{}
		over := map[uint32]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			id := 2*rapid.Uint32Range(0, streams-1).Draw(t, "stream") + 1
			switch action := rapid.IntRange(0, 20).Draw(t, "action"); {
			case action == 0:
				_ = framer.WriteRSTStream(id, 0)
				over[id] = true
			case action == 1:
				_ = framer.WriteData(id, true, nil)
				over[id] = true
			case action == 2:
				feed() // a server answers what it has read
				in.answered(id)
				over[id] = true
			case action == 3:
				_ = framer.WritePing(false, [8]byte{1, 2, 3})
			default:
				if left[id] == nil {
					body := rapid.IntRange(0, 3000).Draw(t, "message")
					left[id] = append(binary.BigEndian.AppendUint32([]byte{0}, uint32(body)), make([]byte, body)...)
					sent[id], frames[id] = 0, 0
				}
				n := rapid.IntRange(1, len(left[id])).Draw(t, "part")
				_ = framer.WriteDataPadded(id, false, left[id][:n], make([]byte, rapid.IntRange(0, 10).Draw(t, "padding")))
				sent[id] += n
				frames[id]++
				if left[id] = left[id][n:]; len(left[id]) == 0 {
					left[id], sent[id], frames[id] = nil, 0, 0
				}
			}
		}
		feed()
		least, most := 0, 0
		for id := range sent {
			if !over[id] {
				least += sent[id]
				most += sent[id] + frames[id]*(pieceBytes+4<<10)
			}
		}
		if n := int(b.Incoming()); n < least || n > most {
			t.Fatalf("%d bytes count, %d to %d are on their way", n, least, most)
		}
		for id := range uint32(streams) {
			_ = framer.WriteRSTStream(2*id+1, 0)
		}
		feed()
		if b.Incoming() != 0 || len(in.open) != 0 {
			t.Fatalf("%d bytes of %d streams are left", b.Incoming(), len(in.open))
		}
	})
}

// A connection that is read either way, and that has answered, is followed.
func TestConnectionsFollowWhatComes(t *testing.T) {
	t.Parallel()
	for name, pipe := range map[string]func(*testing.T) (net.Conn, net.Conn){"socket": socketPair, "no socket": func(*testing.T) (net.Conn, net.Conn) { return net.Pipe() }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here, there := pipe(t)
			defer there.Close()
			b := api.NewBacklogs(1<<20, 1<<28)
			c := (&limited{backlogs: b, followed: true}).counted(here)
			var wire bytes.Buffer
			wire.WriteString(http2.ClientPreface)
			framer := http2.NewFramer(&wire, nil)
			_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: make([]byte, 30), EndHeaders: true})
			_ = framer.WriteData(1, false, []byte{0, 0, 0, 0, 9, 1, 2})
			go func() { _, _ = there.Write(wire.Bytes()) }()
			pool := &countingPool{}
			for read := 0; read < wire.Len(); {
				buffer, n, err := c.ReadOnReady(10, pool)
				if err != nil {
					t.Fatal(err)
				}
				read += n
				pool.Put(buffer)
			}
			if n := b.Incoming(); n != 7+pieceBytes {
				t.Errorf("%d bytes count", n)
			}
			go func() { _, _ = there.Read(make([]byte, 100)) }()
			if err := http2.NewFramer(c, nil).WriteRSTStream(1, 0); err != nil || b.Incoming() != 0 {
				t.Errorf("%d bytes count after the answer, %v", b.Incoming(), err)
			}
			_ = c.Close()
		})
	}
}
