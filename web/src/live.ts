import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { announced, headers, session } from './api';
import { oldest, Reader } from './events';

// One stream for all that is on the page. It says what has changed; whoever wants to know how reads it anew.

/** silence is how long the server says nothing at most. */
const silence = 25_000;
/** patience is how long a stream waits for pages to say from where on they know nothing. */
const patience = 1000;

const mostTopics = 64;

const wanted = new Map<string, Set<(what: string[]) => void>>();
let stream: { topics: Set<string>; tenant: string; token: string | undefined; end: AbortController } | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let failures = 0;

/** hearing says whether news come by themselves, and tells who listens when that changes. */
const hearing = {
  now: false,
  listeners: new Set<() => void>(),
  set(now: boolean): void {
    if (now === hearing.now) return;
    hearing.now = now;
    for (const tell of hearing.listeners) tell();
  },
};

/** still says whether pages stay as they are, whatever happens, until somebody lets them go on; it tells who listens when that changes. */
export const still = {
  now: false,
  listeners: new Set<() => void>(),
  set(now: boolean): void {
    still.now = now;
    for (const tell of still.listeners) tell();
  },
};

export const useStill = (): boolean =>
  useSyncExternalStore(
    (tell) => {
      still.listeners.add(tell);
      return () => still.listeners.delete(tell);
    },
    () => still.now,
  );

/** useEvery is how often to read what no news are about: never while pages stay as they are. */
export const useEvery = (ms: number): number | false => (useStill() ? false : ms);

function listen(topics: string[], hear: (what: string[]) => void): () => void {
  for (const topic of topics) wanted.set(topic, (wanted.get(topic) ?? new Set()).add(hear));
  plan(0);
  return () => {
    for (const topic of topics) {
      wanted.get(topic)?.delete(hear);
      if (wanted.get(topic)?.size === 0) wanted.delete(topic);
    }
    plan(patience);
  };
}

function plan(ms: number): void {
  if (timer !== undefined) clearTimeout(timer);
  timer = setTimeout(settle, ms);
}

/** allowed are the topics of the page that may be listened to, as far as that is known. */
const allowed = (): string[] => [...wanted.keys()].filter((t) => announced.at.get(t) !== '').slice(0, mostTopics);

/** fits says whether the stream that is open will do. */
const fits = (topics: string[]): boolean =>
  stream !== undefined && stream.tenant === session.tenant && stream.token === session.token && topics.every((t) => stream?.topics.has(t));

let waits = 0;

/** settle opens the stream that is wanted now. A page that nobody sees has none. */
function settle(): void {
  timer = undefined;
  const topics = allowed();
  if (topics.length === 0 || document.visibilityState === 'hidden') {
    close();
    return;
  }
  if (fits(topics)) return;
  const unknown = topics.some((t) => !announced.at.has(t));
  if (unknown && Date.now() - (waits ||= Date.now()) < patience) {
    plan(patience);
    return;
  }
  waits = 0;
  close();
  void open(topics);
}

function close(): void {
  stream?.end.abort();
  stream = undefined;
}

async function open(topics: string[]): Promise<void> {
  const end = new AbortController();
  const own = { topics: new Set(topics), tenant: session.tenant, token: session.token, end };
  stream = own;
  const known = topics.map((t) => announced.at.get(t));
  const from = known.every((p) => p !== undefined) ? oldest(known) : undefined;
  let again = true;
  try {
    again = await follow(topics, from, end);
  } catch {
    // the server has gone, or the stream was closed here
  }
  if (stream !== own) return;
  stream = undefined;
  hearing.set(false);
  if (again) plan(Math.min(10_000, 500 * 2 ** failures++));
}

/** follow listens until the stream ends. It reports whether to try again. */
async function follow(topics: string[], from: string | undefined, end: AbortController): Promise<boolean> {
  const query = new URLSearchParams(topics.map((t) => ['topic', t]));
  const response = await fetch(`/ui/v1/live?${query}`, { headers: { ...headers(), ...(from ? { 'Last-Event-ID': from } : {}) }, signal: end.signal });
  if (!response.ok || !response.body) return response.status === 429 || response.status >= 500;
  const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const events = new Reader();
  for (;;) {
    const late = setTimeout(() => end.abort(), silence);
    const { done, value } = await pieces.read().finally(() => clearTimeout(late));
    if (done) return true;
    for (const e of events.take(value)) {
      if (e.id) for (const t of topics) announced.at.set(t, e.id);
      if (e.name === 'open') {
        failures = 0;
        hearing.set(true);
        if (!from) for (const t of topics) tell(t, ['reset']);
      }
      if (e.name === 'change' || e.name === 'reset') {
        const { topic, what } = JSON.parse(e.data) as { topic: string; what: string[] };
        tell(topic, e.name === 'reset' ? ['reset'] : what);
      }
    }
  }
}

function tell(topic: string, what: string[]): void {
  for (const hear of wanted.get(topic) ?? []) hear(what);
}

document.addEventListener('visibilitychange', () => plan(0));
announced.listeners.add(() => plan(0));

interface Seen<T> {
  key: unknown[];
  /** topics that the read announces; what they are about is what is read. */
  topics: string[];
  read: (signal: AbortSignal, old: T | undefined) => Promise<T>;
  /** least time between two reads. */
  least?: number;
  /** slow is how often it is read although nothing is said to have changed: for what no topic is about. */
  slow?: ((data: NoInfer<T> | undefined) => number | false) | undefined;
  keep?: boolean;
  enabled?: boolean;
}

const poll = 3000;

/** useNews calls read whenever the server says that something of the topics has changed. It says how often to read besides: without a stream, often. */
export function useNews(topics: string[], read: () => Promise<unknown>, least = 250): number | false {
  const hears = useSyncExternalStore(
    (tell) => {
      hearing.listeners.add(tell);
      return () => hearing.listeners.delete(tell);
    },
    () => hearing.now && topics.every((t) => announced.at.get(t) !== ''),
  );
  const paused = useStill();
  const pace = useRef(new Pace());
  pace.current.read = read;
  pace.current.least = least;
  const key = topics.join('\n');
  useEffect(() => {
    if (key === '') return;
    const own = pace.current;
    const stop = listen(key.split('\n'), () => own.news());
    return () => {
      stop();
      own.stop();
    };
  }, [key]);
  useEffect(() => {
    if (!paused) pace.current.goOn();
  }, [paused]);
  return hears || paused || key === '' ? false : poll;
}

/** useSeen reads something, and again whenever the server says that it has changed. */
export function useSeen<T>(p: Seen<T>): UseQueryResult<T> {
  const { slow } = p;
  const refetch = useRef<() => Promise<unknown>>(() => Promise.resolve());
  const often = useNews(p.topics, () => refetch.current(), p.least);
  const paused = useStill();
  const seen = useQuery({
    queryKey: p.key,
    queryFn: ({ signal, client, queryKey }) => p.read(signal, client.getQueryData<T>(queryKey)),
    enabled: p.enabled ?? true,
    refetchInterval: paused ? false : often || ((q) => slow?.(q.state.data as T | undefined) ?? false),
    ...(p.keep ? { placeholderData: (old: unknown) => old as never } : {}),
  });
  refetch.current = () => seen.refetch();
  return seen as UseQueryResult<T>;
}

/** Pace lets reads follow news, but not faster than the server answers them. */
class Pace {
  read: () => Promise<unknown> = () => Promise.resolve();
  least = 250;
  private due: ReturnType<typeof setTimeout> | undefined;
  private busy = false;
  private more = false;
  private held = false;
  private next = 0;

  /** goOn reads what was missed while pages stood still. */
  goOn(): void {
    if (this.held) this.news();
  }

  news(): void {
    this.held = still.now;
    if (this.held) return;
    if (this.busy) this.more = true;
    else this.due ??= setTimeout(() => void this.now(), Math.max(0, this.next - Date.now()));
  }

  stop(): void {
    clearTimeout(this.due);
    this.due = undefined;
  }

  private async now(): Promise<void> {
    this.due = undefined;
    this.busy = true;
    const began = Date.now();
    await this.read().catch(() => undefined);
    this.busy = false;
    this.next = Math.max(began + this.least, Date.now() + (Date.now() - began));
    if (this.more) {
      this.more = false;
      this.news();
    }
  }
}
