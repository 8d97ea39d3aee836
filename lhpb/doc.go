// Package lhpb is the public wire of LittleHorse: the messages, enums and the gRPC service of
// proto/littlehorse, generated. Maps are encoded in the order of their keys.
package lhpb
