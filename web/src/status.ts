import type { Icon } from './icons';
import type { LHStatus, TaskStatus, WaitForThreadsRun_WaitingThreadStatus } from './types.gen';

export type Tone = 'good' | 'run' | 'bad' | 'warn' | 'still';

/** Look is how a status is shown: by a word, a sign and a colour, so that none is alone. */
export interface Look {
  word: string;
  tone: Tone;
  icon: Icon;
}

const looks: Record<LHStatus, Look> = {
  STARTING: { word: 'starting', tone: 'run', icon: 'turning' },
  RUNNING: { word: 'running', tone: 'run', icon: 'turning' },
  COMPLETED: { word: 'completed', tone: 'good', icon: 'check' },
  HALTING: { word: 'halting', tone: 'warn', icon: 'pause' },
  HALTED: { word: 'halted', tone: 'warn', icon: 'pause' },
  ERROR: { word: 'failed', tone: 'bad', icon: 'alert' },
  EXCEPTION: { word: 'exception', tone: 'bad', icon: 'alert' },
};

const taskLooks: Record<TaskStatus, Look> = {
  TASK_SCHEDULED: { word: 'queued', tone: 'still', icon: 'clock' },
  TASK_PENDING: { word: 'waits for its retry', tone: 'warn', icon: 'clock' },
  TASK_RUNNING: { word: 'running', tone: 'run', icon: 'turning' },
  TASK_SUCCESS: { word: 'succeeded', tone: 'good', icon: 'check' },
  TASK_FAILED: { word: 'failed', tone: 'bad', icon: 'alert' },
  TASK_EXCEPTION: { word: 'exception', tone: 'bad', icon: 'alert' },
  TASK_TIMEOUT: { word: 'timed out', tone: 'bad', icon: 'clock' },
  TASK_OUTPUT_SERDE_ERROR: { word: 'bad output', tone: 'bad', icon: 'alert' },
  TASK_INPUT_VAR_SUB_ERROR: { word: 'bad input', tone: 'bad', icon: 'alert' },
};

/** statuses in the order in which people ask for them. */
export const statuses: LHStatus[] = ['RUNNING', 'ERROR', 'EXCEPTION', 'HALTED', 'COMPLETED', 'HALTING', 'STARTING'];

const unknown = (word: string): Look => ({ word, tone: 'still', icon: 'dot' });

export const lookOf = (s: LHStatus): Look => looks[s] ?? unknown(String(s));
export const taskLookOf = (s: TaskStatus): Look => taskLooks[s] ?? unknown(String(s));

export const failed = (s: LHStatus): boolean => s === 'ERROR' || s === 'EXCEPTION';
export const ended = (s: LHStatus): boolean => s === 'COMPLETED' || failed(s);

export const waitingThread: Record<WaitForThreadsRun_WaitingThreadStatus, string> = {
  THREAD_IN_PROGRESS: 'in progress',
  THREAD_HANDLING_FAILURE: 'handling its failure',
  THREAD_COMPLETED_OR_FAILURE_HANDLED: 'done',
  THREAD_UNSUCCESSFUL: 'failed',
  THREAD_STOPPED: 'stopped',
};
