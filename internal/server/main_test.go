package server

import (
	"testing"

	"littlehorse/test/still"
)

func TestMain(m *testing.M) { still.Main(m) }
