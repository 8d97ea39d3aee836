// Package extra is the generated code of the service that this server offers beside the official API:
// littlehorse.extra.v1.ExtraService, on the same listeners, with the same tenants and permissions.
package extra
