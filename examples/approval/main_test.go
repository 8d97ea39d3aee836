package main

import (
	"testing"

	"littlehorse/examples/internal/rehearsal"
)

func TestStory(t *testing.T) { rehearsal.Hold(t, play) }
