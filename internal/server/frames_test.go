package server

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"testing"

	"golang.org/x/net/http2"
	"pgregory.net/rapid"

	"littlehorse/internal/api"
	"littlehorse/test/pki"
)

// However frames are cut into pieces, each begins once and has all its bytes.
func TestFramesInPieces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type frame struct {
			kind   http2.FrameType
			flags  http2.Flags
			stream uint32
			length int
		}
		var sent, got []frame
		var wire bytes.Buffer
		framer := http2.NewFramer(&wire, nil)
		framer.AllowIllegalWrites = true
		for range rapid.IntRange(0, 20).Draw(t, "frames") {
			f := frame{
				http2.FrameType(rapid.Byte().Draw(t, "kind")), http2.Flags(rapid.Byte().Draw(t, "flags")),
				rapid.Uint32().Draw(t, "stream") &^ (1 << 31), rapid.IntRange(0, 300).Draw(t, "length"),
			}
			sent = append(sent, f)
			_ = framer.WriteRawFrame(f.kind, f.flags, f.stream, make([]byte, f.length))
		}
		var f frames
		came := 0
		for rest := wire.Bytes(); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			b := rest[:n]
			rest = rest[n:]
			for p, ok := f.next(&b); ok; p, ok = f.next(&b) {
				if p.begins {
					got = append(got, frame{p.kind, p.flags, p.stream, p.length})
					came = 0
				}
				if came += len(p.bytes); came > p.length || p.length != got[len(got)-1].length {
					t.Fatalf("%d bytes of %v", came, got[len(got)-1])
				}
			}
		}
		if len(got) != len(sent) || len(sent) > 0 && came != sent[len(sent)-1].length {
			t.Fatalf("sent %v, got %v, %d of the last", sent, got, came)
		}
		for i := range sent {
			if sent[i] != got[i] {
				t.Errorf("frame %d was %v, is %v", i, sent[i], got[i])
			}
		}
	})
}

// Of what is written only messages are taken for replies, in clear and above TLS.
func TestOnlyMessagesAreTaken(t *testing.T) {
	t.Parallel()
	pair := pki.NewAuthority(t, "ca").Server()
	k, err := newKeyring(keyFiles{listener: "TLS", cert: pair.Cert, key: pair.Key}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for name, wrap := range map[string]func(server, client net.Conn) (net.Conn, net.Conn){
		"in clear": func(server, client net.Conn) (net.Conn, net.Conn) { return server, client },
		"TLS": func(server, client net.Conn) (net.Conn, net.Conn) {
			c := tls.Client(client, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
			go func() { _ = c.Handshake() }()
			above, _, err := watched{k.credentials()}.ServerHandshake(server)
			if err != nil {
				t.Fatal(err)
			}
			return above, c
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here, there := socketPair(t)
			defer there.Close()
			l := &limited{secured: name == "TLS", backlogs: api.NewBacklogs(1<<20, 1<<28)}
			c := l.counted(here)
			defer c.Close()
			server, client := wrap(c, there)
			drained := make(chan struct{})
			go func() { _, _ = io.Copy(io.Discard, client); close(drained) }()
			framer := http2.NewFramer(server, nil)
			_ = framer.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1})
			_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: make([]byte, 1000), EndHeaders: true})
			_ = framer.WritePing(true, [8]byte{})
			if n := c.Taken(); n != 0 {
				t.Errorf("%d bytes of no message are taken", n)
			}
			_ = framer.WriteData(1, false, make([]byte, 10_000))
			_ = framer.WriteRSTStream(1, 0)
			_ = framer.WriteData(3, true, make([]byte, 234))
			if n := c.Taken(); n != 10_234 {
				t.Errorf("%d bytes are taken", n)
			}
			_ = server.Close()
			<-drained
		})
	}
}
