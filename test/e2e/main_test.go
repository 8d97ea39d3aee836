package e2e

import (
	"testing"

	"littlehorse/test/still"
)

func TestMain(m *testing.M) { still.Main(m) }
