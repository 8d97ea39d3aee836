package server

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// virtual is a server with virtual time whose store is on the file system.
func virtual(fs vfs.FS) Config {
	c := DefaultConfig()
	c.UseVirtualTime()
	c.FS, c.StateDir, c.Partitions, c.StoreMemoryBytes, c.DiskReserveBytes = fs, "data", 1, 4<<20, 0
	c.Listeners[0].Port, c.Health.Port, c.Dashboard.Port = 0, -1, 0
	return c
}

// Virtual time is refused wherever others than the one who moves it could be led astray.
func TestWhereTimeCannotBeVirtual(t *testing.T) {
	for name, one := range map[string]struct {
		settings map[string]string
		want     string
	}{
		"Kafka":             {map[string]string{"LHS_KAFKA_BOOTSTRAP_SERVERS": "localhost:9092"}, "over Kafka"},
		"other machines":    {map[string]string{"LHS_BIND_HOST": "0.0.0.0"}, "set LHS_BIND_HOST to 127.0.0.1"},
		"another dashboard": {map[string]string{"LHD_BIND_HOST": "10.0.0.1"}, "set LHD_BIND_HOST to 127.0.0.1"},
		"another clock":     {map[string]string{"LHS_X_CLOCK": "fast"}, "LHS_X_CLOCK"},
	} {
		if one.settings["LHS_X_CLOCK"] == "" {
			one.settings["LHS_X_CLOCK"] = "virtual"
		}
		if _, _, err := configFrom(one.settings); err == nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("%s: %v does not say %q", name, err, one.want)
		}
	}
	c, _, err := configFrom(map[string]string{"LHS_X_CLOCK": "virtual"})
	if err != nil || !c.VirtualTime || c.BindHost != "127.0.0.1" {
		t.Errorf("%v, virtual %v, bound to %q", err, c.VirtualTime, c.BindHost)
	}
	c.BindHost = ""
	if _, err := Start(t.Context(), c); err == nil {
		t.Error("it listens for everybody")
	}
}

// A store keeps to the time that it was made in, and a virtual clock goes on where it stood.
func TestAStoreKeepsToItsTime(t *testing.T) {
	for _, made := range []bool{true, false} {
		fs := vfs.NewMem()
		first := virtual(fs)
		first.VirtualTime = made
		first.Epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
		s, err := Start(t.Context(), first)
		if err != nil {
			t.Fatal(err)
		}
		if made {
			if err := s.Clock().Advance(t.Context(), 36*time.Hour, 0); err != nil {
				t.Error(err)
			}
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		other := virtual(fs)
		other.VirtualTime = !made
		if _, err := Start(t.Context(), other); err == nil || !strings.Contains(err.Error(), "virtual clock") {
			t.Errorf("made in virtual time %v, and started in the other: %v", made, err)
		}
	}
}
