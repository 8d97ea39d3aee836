package machine

// CoreOf is the core stream of a routing key in a cluster with that many partitions: the id of the root WfRun,
// a correlation key, the id of a schedule, the name of the TaskDef for worker groups.
func CoreOf(tenant, key string, partitions int) Stream {
	return Stream{Kind: Core, Partition: PartitionOf(tenant, key, partitions)}
}

// RepartitionOf is the repartition stream of a routing key.
func RepartitionOf(tenant, key string, partitions int) Stream {
	return Stream{Kind: Repartition, Partition: PartitionOf(tenant, key, partitions)}
}

// PartitionOf is the partition of a routing key: the positive murmur2 hash, as Kafka's clients compute it by
// default, of the bytes of the tenant, a zero byte and the key, modulo the number of partitions. Stored data
// depends on it: it can never change.
func PartitionOf(tenant, key string, partitions int) uint16 {
	b := make([]byte, 0, len(tenant)+1+len(key))
	b = append(append(append(b, tenant...), 0), key...)
	return uint16(int(murmur2(b)&0x7fffffff) % partitions)
}

// murmur2 is the 32-bit hash of Austin Appleby with the seed that Kafka uses.
func murmur2(b []byte) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
		r    = 24
	)
	h := seed ^ uint32(len(b))
	for len(b) >= 4 {
		k := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		k *= m
		k ^= k >> r
		k *= m
		h = h*m ^ k
		b = b[4:]
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(b[0])) * m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
