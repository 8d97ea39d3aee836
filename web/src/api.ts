import type { Rpcs } from './types.gen';

/** Ask is a request: whatever is not said is left to the server. */
export type Ask<T> = T extends object ? { [K in keyof T]?: Ask<T[K]> } : T;

export type Rpc = keyof Rpcs;
export type Request<K extends Rpc> = Ask<Rpcs[K][0]>;
export type Reply<K extends Rpc> = Rpcs[K][1];

/** Refusal is what the server answers instead of a reply. */
export class Refusal extends Error {
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

/** Session is in whose name calls are made. The token lives as long as the page. */
export const session: { tenant: string; token?: string } = { tenant: 'default' };

export const headers = (): Record<string, string> => ({
  'Content-Type': 'application/json',
  'X-LH-UI': '1',
  tenantId: session.tenant,
  ...(session.token ? { Authorization: `Bearer ${session.token}` } : {}),
});

/** reach says whether the server could be reached the last time, and tells who listens when that changes. */
export const reach = {
  good: true,
  listeners: new Set<() => void>(),
  set(good: boolean): void {
    if (good === reach.good) return;
    reach.good = good;
    for (const tell of reach.listeners) tell();
  },
};

/** strange tells who listens that the server does not know any more who one is. */
export const strange = { listeners: new Set<() => void>() };

const posting = (body: unknown, further: Record<string, string> = {}): RequestInit => ({ method: 'POST', headers: { ...headers(), ...further }, body: JSON.stringify(body) });

const post = (path: string, body: unknown, signal?: AbortSignal): Promise<unknown> => said(path, posting(body), signal);

/** said is what is answered, as read understands it; undefined if it does not. */
async function said(path: string, request: RequestInit, signal?: AbortSignal, read: (text: string) => unknown = parsed): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, { ...request, signal: signal ?? null });
    text = await response.text();
  } catch (e) {
    throw unreachable(signal, e);
  }
  const told = response.ok ? read(text) : parsed(text);
  if (response.ok && told === undefined) throw unreachable(signal, new Error('The answer breaks off.'));
  reach.set(true);
  if (response.ok) return told;
  const { code, message } = (told ?? {}) as { code?: string; message?: string };
  if (response.status === 401) for (const tell of strange.listeners) tell();
  throw new Refusal(code ?? 'unknown', message ?? `The server answers with status ${response.status}.`);
}

/** unreachable is what to say when no whole answer came. */
function unreachable(signal: AbortSignal | undefined, why: unknown): unknown {
  if (signal?.aborted) return why;
  reach.set(false);
  return new Refusal('unavailable', 'The server cannot be reached.');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export async function call<K extends Rpc>(rpc: K, request: Request<K>, signal?: AbortSignal): Promise<Reply<K>> {
  return (await post(`/api/${rpc}`, request, signal)) as Reply<K>;
}

/** callText makes a call whose reply is protobuf text. */
export const callText = async <K extends Rpc>(rpc: K, request: Request<K>, signal?: AbortSignal): Promise<string> =>
  (await said(`/api/${rpc}`, posting(request, { Accept: 'text/plain' }), signal, (text) => text)) as string;

/** Asked is one call of a batch. */
export interface Asked<K extends Rpc> {
  rpc: K;
  request: Request<K>;
}

export const ask = <K extends Rpc>(rpc: K, request: Request<K>): Asked<K> => ({ rpc, request });

/** Answer is what became of a call of a batch. */
export interface Answer<T> {
  reply?: T;
  error?: { code: string; message: string };
}

type Answers<T extends readonly unknown[]> = { [I in keyof T]: T[I] extends Asked<infer K extends Rpc> ? Answer<Reply<K>> : never };

/**
 * announced says from where to listen to a topic, to miss nothing behind what was read, and tells who waits for that. It is
 * nowhere, an empty text, for one that may not be listened to.
 */
export const announced = { at: new Map<string, string>(), listeners: new Set<() => void>() };

/** batch makes many calls in one request. Behind what it reads, the topics are listened to. */
export async function batch<const T extends readonly Asked<Rpc>[]>(calls: T, signal?: AbortSignal, topics: string[] = []): Promise<Answers<T>> {
  if (calls.length === 0) return [] as unknown as Answers<T>;
  const said = (await post('/ui/v1/batch', { calls, ...(topics.length > 0 ? { topics } : {}) }, signal)) as { answers: unknown; position?: string };
  if (topics.length > 0) {
    for (const topic of topics) announced.at.set(topic, said.position ?? '');
    for (const tell of announced.listeners) tell();
  }
  return said.answers as Answers<T>;
}

/** need gives the reply of a call without which there is nothing to show. */
export function need<T>(a: Answer<T>): T {
  if (a.reply !== undefined) return a.reply;
  throw new Refusal(a.error?.code ?? 'unknown', a.error?.message ?? 'The server did not answer.');
}

export interface About {
  open: boolean;
  version: string;
  /** login says whether people log in here, and loggedIn whether this one has. */
  login: boolean;
  loggedIn: boolean;
}

export const about = async (): Promise<About> => (await said('/ui/v1/about', { headers: { 'X-LH-UI': '1' } })) as About;

/** logout ends the session; what it gives is where the provider ends its own. */
export const logout = async (): Promise<string> => ((await post('/auth/logout', {})) as { location: string }).location;

/** loginAddress is where one logs in to come back to this page. It is led to by the browser, not by the pages. */
export const loginAddress = (): string => `/auth/login?${new URLSearchParams({ to: location.pathname + location.search })}`;

/** ServerHealth is how the server is that answers. */
export interface ServerHealth {
  cluster: string;
  version: string;
  commit: string;
  state: string;
  problem?: string;
  started: string;
  partitions: number;
  log: string;
  diskUsageBytes: number;
  diskFreeBytes: number;
  diskReserveBytes: number;
  diskRoom: string;
  listeners: { name: string; address: string; protocol: string; authentication: string }[] | null;
  serves: { number: number; position: number; waiting: number }[] | null;
  /** follows are the hot copies that it keeps of what others serve. */
  follows?: { number: number; behind: number; end: number }[];
  checkpoints?: { written: number; bytes: number; failed: number; behindMs: number };
  /** backedUp is the moment that the last backup stands for. */
  backedUp?: string;
  /** members of the cluster; none where there can be no other server. */
  members?: ServerMember[];
  unowned?: number[];
}

/** ServerMember is one of the servers of a cluster. */
export interface ServerMember {
  address: string;
  instance?: string;
  rack?: string;
  version: string;
  self?: boolean;
  owns: number[];
  metadata?: boolean;
  told?: ServerHealth;
  problem?: string;
}

export const serverHealth = async (signal: AbortSignal): Promise<ServerHealth> => (await post('/ui/v1/server', {}, signal)) as ServerHealth;
