package ctl

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

func (c *cli) put() *cobra.Command {
	return group("put", "Create or change an object",
		c.putTenant(), c.putPrincipal(), c.putQuota(), c.putUserTaskRunComment(), c.putWorkflowMigrationPlan(),
		unary(c, "workflowEventDef <name> [<type>]", "Create a WorkflowEventDef; without type its events have no content",
			cobra.RangeArgs(1, 2), api.PutWorkflowEventDef, putWorkflowEventDef),
		unary(c, "correlatedEvent <key> <externalEventDefName> [<varType> <payload>]", "Post an event to whichever WfRun waits for its key",
			oneOf(2, 4), api.PutCorrelatedEvent,
			func(r *request) (*lhpb.PutCorrelatedEventRequest, error) {
				content, err := r.optionalPayload(2)
				return &lhpb.PutCorrelatedEventRequest{
					Key: r.args[0], ExternalEventDefId: externalEventDef(r.args[1]), Content: content,
				}, err
			}),
	)
}

func putWorkflowEventDef(r *request) (*lhpb.PutWorkflowEventDefRequest, error) {
	req := &lhpb.PutWorkflowEventDefRequest{Name: r.args[0], ContentType: &lhpb.ReturnType{}}
	if len(r.args) == 1 {
		return req, nil
	}
	t, err := enum[lhpb.VariableType](lhpb.VariableType_value, "type", r.args[1])
	if err != nil {
		return nil, err
	}
	req.ContentType.ReturnType = &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: t}}
	return req, nil
}

func (c *cli) putTenant() *cobra.Command {
	var all, none bool
	cmd := unary(c, "tenant <id>", "Create a tenant, or change its output topics", cobra.ExactArgs(1), api.PutTenant,
		func(r *request) (*lhpb.PutTenantRequest, error) {
			req := &lhpb.PutTenantRequest{Id: r.args[0]}
			switch {
			case all:
				req.OutputTopicConfig = &lhpb.OutputTopicConfig{DefaultRecordingLevel: lhpb.OutputTopicConfig_ALL_ENTITY_EVENTS}
			case none:
				req.OutputTopicConfig = &lhpb.OutputTopicConfig{DefaultRecordingLevel: lhpb.OutputTopicConfig_NO_ENTITY_EVENTS}
			}
			return req, nil
		})
	cmd.Flags().BoolVar(&all, "all-entity-events", false, "output topics that record every object unless told otherwise")
	cmd.Flags().BoolVar(&none, "no-entity-events", false, "output topics that record only what is asked for")
	cmd.MarkFlagsMutuallyExclusive("all-entity-events", "no-entity-events")
	return cmd
}

func (c *cli) putPrincipal() *cobra.Command {
	var acls []string
	var tenant string
	var overwrite bool
	cmd := unary(c, "principal <id>", "Create a principal, or change its rights", cobra.ExactArgs(1), api.PutPrincipal,
		func(r *request) (*lhpb.PutPrincipalRequest, error) {
			req := &lhpb.PutPrincipalRequest{Id: r.args[0], Overwrite: overwrite}
			rights := &lhpb.ServerACLs{}
			for _, text := range acls {
				acl, err := parseACL(text)
				if err != nil {
					return nil, err
				}
				rights.Acls = append(rights.Acls, acl)
			}
			if r.changed("tenantId") {
				req.PerTenantAcls = map[string]*lhpb.ServerACLs{tenant: rights}
			} else {
				req.GlobalAcls = rights
			}
			return req, nil
		})
	cmd.Flags().StringSliceVar(&acls, "acl", nil, "rights as `resource:action,...`; resources: acl_workflow acl_task acl_external_event acl_user_task "+
		"acl_principal acl_tenant acl_task_worker_group acl_workflow_event acl_struct acl_quota all; actions: read run write all")
	cmd.Flags().StringVar(&tenant, "tenantId", "", "rights in this tenant only")
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "change a principal that exists")
	return cmd
}

var aclActions = map[string]lhpb.ACLAction{
	"read": lhpb.ACLAction_READ, "run": lhpb.ACLAction_RUN, "write": lhpb.ACLAction_WRITE_METADATA, "all": lhpb.ACLAction_ALL_ACTIONS,
}

// parseACL reads resource:action.
func parseACL(text string) (*lhpb.ServerACL, error) {
	resource, action, ok := strings.Cut(strings.ToLower(strings.TrimSpace(text)), ":")
	if !ok {
		return nil, fmt.Errorf("--acl %q: write resource:action", text)
	}
	allowed, ok := aclActions[action]
	if !ok {
		return nil, fmt.Errorf("--acl %q: unknown action %q", text, action)
	}
	name := strings.ToUpper(resource)
	if resource == "all" {
		name = lhpb.ACLResource_ACL_ALL_RESOURCES.String()
	}
	on, ok := lhpb.ACLResource_value[name]
	if !ok {
		return nil, fmt.Errorf("--acl %q: unknown resource %q", text, resource)
	}
	return &lhpb.ServerACL{
		Resources: []lhpb.ACLResource{lhpb.ACLResource(on)}, AllowedActions: []lhpb.ACLAction{allowed},
	}, nil
}

func (c *cli) putQuota() *cobra.Command {
	var perSecond int32
	var principal string
	cmd := unary(c, "quota <tenantId>", "Bound the writes of a tenant, or of one of its principals", cobra.ExactArgs(1), api.PutQuota,
		func(r *request) (*lhpb.PutQuotaRequest, error) {
			req := &lhpb.PutQuotaRequest{Tenant: &lhpb.TenantId{Id: r.args[0]}, WriteRequestsPerSecond: perSecond}
			if r.changed("principal") {
				req.Principal = &lhpb.PrincipalId{Id: principal}
			}
			return req, nil
		})
	cmd.Flags().Int32Var(&perSecond, "writeRequestsPerSecond", 0, "write requests allowed in a second")
	cmd.Flags().StringVar(&principal, "principal", "", "the principal")
	must(cmd.MarkFlagRequired("writeRequestsPerSecond"))
	return cmd
}

func (c *cli) deploy() *cobra.Command {
	return group("deploy", "Put a definition that is in a file",
		deployFile(c, "wfSpec", api.PutWfSpec, &lhpb.PutWfSpecRequest{}),
		deployFile(c, "taskDef", api.PutTaskDef, &lhpb.PutTaskDefRequest{}),
		deployFile(c, "userTaskDef", api.PutUserTaskDef, &lhpb.PutUserTaskDefRequest{}),
		deployFile(c, "externalEventDef", api.PutExternalEventDef, &lhpb.PutExternalEventDefRequest{}),
		deployFile(c, "workflowEventDef", api.PutWorkflowEventDef, &lhpb.PutWorkflowEventDefRequest{}),
		deployFile(c, "structDef", api.PutStructDef, &lhpb.PutStructDefRequest{}),
		deployFile(c, "principal", api.PutPrincipal, &lhpb.PutPrincipalRequest{}),
	)
}

// deployFile sends the request that a file holds, as JSON or as protobuf.
func deployFile[Req, Resp proto.Message](c *cli, resource string, call rpc[Req, Resp], empty Req) *cobra.Command {
	var binary bool
	short := fmt.Sprintf("Send the %s in a file, or on standard input for -", empty.ProtoReflect().Descriptor().Name())
	cmd := unary(c, resource+" <file>", short, cobra.ExactArgs(1), call, func(r *request) (Req, error) {
		text, err := readFile(r.cmd.InOrStdin(), r.args[0])
		if err != nil {
			return empty, err
		}
		req := proto.CloneOf(empty)
		if binary {
			err = proto.Unmarshal(text, req)
		} else {
			err = protojson.Unmarshal(text, req)
		}
		if err != nil {
			return empty, fmt.Errorf("%s: %w", r.args[0], err)
		}
		return req, nil
	})
	cmd.Flags().BoolVar(&binary, "proto", false, "the file is binary protobuf")
	return cmd
}

func readFile(stdin io.Reader, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(path)
}
