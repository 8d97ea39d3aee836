package worker

import "time"

// DefinitionWait shortens the wait for a TaskDef that does not exist.
func DefinitionWait(d time.Duration) Option { return func(s *settings) { s.definitionWait = d } }
