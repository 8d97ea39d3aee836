package api

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/lhpb"
)

// Version of the API that this server speaks.
const (
	MajorVersion = 1
	MinorVersion = 3
	PatchVersion = 0
)

// GetServerVersion tells the version; no permission is needed.
func (s *Service) GetServerVersion(context.Context, *emptypb.Empty) (*lhpb.LittleHorseVersion, error) {
	patch := int32(PatchVersion)
	return &lhpb.LittleHorseVersion{MajorVersion: MajorVersion, MinorVersion: MinorVersion, PatchVersion: &patch}, nil
}

// Whoami tells the Principal of the caller; no permission is needed.
func (s *Service) Whoami(ctx context.Context, _ *emptypb.Empty) (*lhpb.Principal, error) {
	return callOf(ctx).principal, nil
}

// Version is the version as text.
func Version() string { return fmt.Sprintf("%d.%d.%d", MajorVersion, MinorVersion, PatchVersion) }
