package catalog

import (
	"testing"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

// covers: observability §2
func TestQuotas(t *testing.T) {
	s := newStream(t)
	s.caller = Anonymous
	quota := func(request string) { s.t.Helper(); put[*lhpb.Quota](s, record(t, "put_quota", request)) }
	refused := func(request string, code lh.Code, text string) {
		t.Helper()
		s.refused(record(t, "put_quota", request), code, text)
	}
	refused(`{"writeRequestsPerSecond":1}`, lh.InvalidArgument, "'tenant'")
	refused(`{"tenant":{"id":"default"}}`, lh.InvalidArgument, "write_requests_per_second must be greater than zero")
	refused(`{"tenant":{"id":"default"},"writeRequestsPerSecond":-1}`, lh.InvalidArgument, "greater than zero")
	refused(`{"tenant":{"id":"nope"},"writeRequestsPerSecond":1}`, lh.InvalidArgument, "Could not find tenant nope")
	refused(`{"tenant":{"id":"default"},"principal":{"id":"who"},"writeRequestsPerSecond":1}`, lh.InvalidArgument, "Could not find principal who")

	quota(`{"tenant":{"id":"default"},"writeRequestsPerSecond":4}`)
	quota(`{"tenant":{"id":"default"},"principal":{"id":"anonymous"},"writeRequestsPerSecond":9}`)
	first := s.view.Quota("default", "")
	quota(`{"tenant":{"id":"default"},"writeRequestsPerSecond":5}`)
	again := s.view.Quota("default", "")
	if first.WriteRequestsPerSecond != 4 || again.WriteRequestsPerSecond != 5 || !again.CreatedAt.AsTime().Equal(first.CreatedAt.AsTime()) {
		t.Errorf("%v became %v", first, again)
	}
	equal(t, ParseQuotaName(QuotaName("default", "anonymous")), s.view.Quota("default", "anonymous").Id)
	var names []string
	s.view.Walk("", keys.KindQuota, keys.Definition{}, func(d keys.Definition) bool {
		names = append(names, d.Name)
		return true
	})
	if len(names) != 2 || names[0] != "default/" || names[1] != "default/anonymous" {
		t.Errorf("%q", names)
	}

	s.caller = ""
	put[*lhpb.Principal](s, s.principal(principalJSON("reader", readerACL, "")))
	s.caller = "reader"
	refused(`{"tenant":{"id":"default"},"writeRequestsPerSecond":1}`, lh.PermissionDenied, "Missing permissions")
	s.refused(record(t, "delete_quota", `{"id":{"tenant":{"id":"default"}}}`), lh.PermissionDenied, "Missing permissions")
	s.caller = Anonymous
	s.done(record(t, "delete_quota", `{"id":{"tenant":{"id":"default"}}}`))
	s.refused(record(t, "delete_quota", `{"id":{"tenant":{"id":"default"}}}`), lh.NotFound, "Could not find quota default/")
	if s.view.Quota("default", "") != nil || s.view.Quota("default", "anonymous") == nil {
		t.Error("the wrong Quota is gone")
	}
}
