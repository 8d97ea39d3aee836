// Package lh connects Go programs to a LittleHorse server. It is imported under that name:
//
//	import lh "littlehorse/sdk/client"
//
// LoadConfig finds the settings every LittleHorse client shares (LHC_* and LHW_*), Dial opens the connection, and the
// Client registers definitions, starts WfRuns and reads them back. Client.RPC is the whole generated API for all that
// has no helper here.
//
// Go values travel as LittleHorse values: see Value, Scan and TypeOf for the mapping.
//
// The package talks only the public gRPC API, so it works against any LittleHorse server.
package lh
