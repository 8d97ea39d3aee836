import type { BulkJob, BulkJobStatus } from './types.gen';

/** partitionsOf are all partitions that take part in a job, in their order; what none has said of itself yet is without a status. */
export const partitionsOf = (job: BulkJob): { id: number; status?: BulkJobStatus; lastSeenKey?: string }[] =>
  Array.from({ length: job.totalSubprocesses }, (_, id) => job.subprocesses.find((s) => s.id === id) ?? { id });
