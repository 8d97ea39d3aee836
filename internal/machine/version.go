package machine

// EngineVersion is the latest way of applying records that the machines of this program know. It rises by one whenever one of them comes to
// answer or change anything else for a record that may already be in a log; and what it did before stays in the code, for records
// whose header names an earlier version. A stream goes over to a version by an entry of its own, which is
// written when all servers of the cluster know it.
//
//   - 2: large inputs of TaskRuns lie outside of their rows.
//   - 3: records may be skipped.
//   - 4: bulk jobs may stop WfRuns and let them go on.
//   - 5: bulk jobs that delete may be cancelled.
//   - 6: bulk jobs may go by Variables.
const EngineVersion = 6

// Skips is the first engine version of which the metadata say that records are skipped.
const Skips = 3

// BulkActs is the first engine version of which there are bulk jobs that do not delete.
const BulkActs = 4

// BulkMatches is the first engine version of which bulk jobs may go by Variables.
const BulkMatches = 6

// EndsDeletes is the first engine version of which bulk jobs that delete can be cancelled.
const EndsDeletes = 5
