package keys

import (
	"strconv"
	"strings"

	"littlehorse/lhpb"
)

// CountKind is what a row of the counter space holds.
type CountKind byte

// The kinds of counter rows. The first two lie in core partitions, the last in those of repartition streams.
const (
	KindCounts       CountKind = 0x01 // pb.Counts: object
	KindMinute       CountKind = 0x02 // pb.Counts: minute, object; closed counters, or none if they are still in KindCounts
	KindMetricWindow CountKind = 0x03 // lhpb.MetricWindow: object, minute
)

// Counted is an object that is counted. Without a name it is the sum over its tenant.
type Counted struct {
	Type            lhpb.MetricWindowType
	Name            string // of the WfSpec or TaskDef; of a Quota its principal
	Major, Revision int32  // of a WfSpec
}

// CountedWfSpec is a version of a WfSpec.
func CountedWfSpec(id *lhpb.WfSpecId) Counted {
	return Counted{
		Type: lhpb.MetricWindowType_WORKFLOW_METRIC,
		Name: id.GetName(), Major: id.GetMajorVersion(), Revision: id.GetRevision(),
	}
}

// CountedTaskDef is a TaskDef.
func CountedTaskDef(name string) Counted {
	return Counted{Type: lhpb.MetricWindowType_TASK_METRIC, Name: name}
}

// CountedQuota is a Quota of the tenant; principal is "" for the one of the tenant as a whole.
func CountedQuota(principal string) Counted {
	return Counted{Type: lhpb.MetricWindowType_QUOTA_USAGE_METRIC, Name: principal}
}

// CountedOf is the object of a window.
func CountedOf(id *lhpb.MetricWindowId) Counted {
	switch of := id.GetId().(type) {
	case *lhpb.MetricWindowId_WfSpecId:
		return CountedWfSpec(of.WfSpecId)
	case *lhpb.MetricWindowId_TaskDefId:
		return CountedTaskDef(of.TaskDefId.GetName())
	case *lhpb.MetricWindowId_UserTaskDefId:
		return Counted{
			Type: lhpb.MetricWindowType_USER_TASK_METRIC,
			Name: of.UserTaskDefId.GetName(), Major: of.UserTaskDefId.GetVersion(),
		}
	case *lhpb.MetricWindowId_QuotaId:
		return CountedQuota(of.QuotaId.GetPrincipal().GetId())
	default:
		return Counted{Type: id.GetMetricType()}
	}
}

// Route is the routing key of the repartition stream that holds the windows of the object: all versions of a
// WfSpec lie together, so that a search reads one stream.
func (c Counted) Route() string {
	if c.Name == "" {
		return c.Type.String()
	}
	return c.Type.String() + "/" + c.Name
}

// String names the object, for the ids of timers.
func (c Counted) String() string {
	var b strings.Builder
	b.WriteString(c.Route())
	b.WriteByte('/')
	b.WriteString(strconv.Itoa(int(c.Major)))
	b.WriteByte('/')
	b.WriteString(strconv.Itoa(int(c.Revision)))
	return b.String()
}

func (t Tenant) counts(kind CountKind, extra int) []byte {
	b := make([]byte, 0, 16+len(t.name)+extra)
	b = append(b, byte(SpaceCount))
	b = appendText(b, t.name)
	return append(b, byte(kind))
}

func appendCounted(b []byte, c Counted) []byte {
	b = appendText(append(b, byte(c.Type)), c.Name)
	return appendInt32(appendInt32(b, c.Major), c.Revision)
}

func (r *reader) counted() Counted {
	return Counted{Type: lhpb.MetricWindowType(r.byte()), Name: r.text(), Major: r.int32(), Revision: r.int32()}
}

// Counts is the row of the counters of an object. Every command builds some: usual ones need one allocation.
func (t Tenant) Counts(c Counted) Key {
	var room usual
	b := appendText(append(room[:0], byte(SpaceCount)), t.name)
	return Key(appendCounted(append(b, byte(KindCounts)), c))
}

// CountsOfType is the prefix of the counters of all objects of one type.
func (t Tenant) CountsOfType(of lhpb.MetricWindowType) Key {
	return Key(append(t.counts(KindCounts, 1), byte(of)))
}

// CountsOfName is the prefix of the counters of all versions of one name.
func (t Tenant) CountsOfName(c Counted) Key {
	return Key(appendText([]byte(t.CountsOfType(c.Type)), c.Name))
}

// CountsOfMajor is the prefix of the counters of all revisions of one major version.
func (t Tenant) CountsOfMajor(c Counted) Key {
	return Key(appendInt32([]byte(t.CountsOfName(c)), c.Major))
}

// ParseCounts reads tenant and object of a Counts key.
func ParseCounts(k Key) (tenant string, c Counted, err error) {
	p := countReader(k)
	tenant = p.text()
	if CountKind(p.byte()) != KindCounts {
		p.fail("key of counters")
	}
	c = p.counted()
	return tenant, c, p.done()
}

// Minute is the row that says that the object was counted in the minute.
func (t Tenant) Minute(windowNs int64, c Counted) Key {
	b := appendInt64(t.counts(KindMinute, 20+len(c.Name)), windowNs)
	return Key(appendCounted(b, c))
}

// MinutesAt is the prefix of all that was counted in the minute.
func (t Tenant) MinutesAt(windowNs int64) Key {
	return Key(appendInt64(t.counts(KindMinute, 8), windowNs))
}

// ParseMinute reads the parts of a Minute key.
func ParseMinute(k Key) (tenant string, windowNs int64, c Counted, err error) {
	p := countReader(k)
	tenant = p.text()
	if CountKind(p.byte()) != KindMinute {
		p.fail("key of a minute")
	}
	windowNs, c = p.int64(), p.counted()
	return tenant, windowNs, c, p.done()
}

// MetricWindow is the row of what happened to an object within the minute.
func (t Tenant) MetricWindow(c Counted, windowNs int64) Key {
	return Key(appendInt64(appendCounted(t.counts(KindMetricWindow, 20+len(c.Name)), c), windowNs))
}

// MetricWindows is the prefix of the windows of one object, in order of time.
func (t Tenant) MetricWindows(c Counted) Key {
	return Key(appendCounted(t.counts(KindMetricWindow, 12+len(c.Name)), c))
}

// MetricWindowsOfName is the prefix of the windows of all versions of one name.
func (t Tenant) MetricWindowsOfName(c Counted) Key {
	return Key(appendText(append(t.counts(KindMetricWindow, 3+len(c.Name)), byte(c.Type)), c.Name))
}

// ParseMetricWindow reads the parts of a MetricWindow key.
func ParseMetricWindow(k Key) (tenant string, c Counted, windowNs int64, err error) {
	p := countReader(k)
	tenant = p.text()
	if CountKind(p.byte()) != KindMetricWindow {
		p.fail("key of a metric window")
	}
	c, windowNs = p.counted(), p.int64()
	return tenant, c, windowNs, p.done()
}

func countReader(k Key) *reader {
	p := &reader{rest: string(k)}
	if Space(p.byte()) != SpaceCount {
		p.fail("counter key")
	}
	return p
}
