import { beforeAll, describe, expect, it, vi } from 'vitest';
import { asAddress, filtersOf } from './runsearch';

// What is seen follows from the address: whatever a page writes into it is what it reads there, however odd it is.

/** kinds are what the addresses of pages have behind the question mark, and what stands there: a text of somebody, or one of several. */
const kinds: Record<string, 'text' | 'list' | string[]> = {
  tab: ['runs', 'schedules', 'metrics', 'versions', 'json', 'timeline', 'events', 'variables', 'steps', 'children', 'correlated'],
  do: ['run', 'post', 'new', 'schedule'],
  status: 'list', columns: 'list', without: 'list', var: 'text', value: 'text', type: 'text',
  spec: 'text', version: ['0', '1.2'], within: ['1h', '24h', '7d'], from: 'text', until: 'text', id: 'text', parent: 'text',
  thread: 'text', threads: ['all'], in: 'text', node: 'text', visit: ['3'], inside: ['1'], replay: ['0', '7'], zoom: ['1-2'], critical: ['1'], was: 'text',
  unfolded: 'text', each: ['1'], alone: ['1'], has: 'text', sort: ['last'], tail: ['1'], childStatus: ['ERROR'], since: ['5', '60'], claimed: ['yes', 'no'],
  heat: ['count', 'failures', 'time'], over: ['60', 'any'], span: ['60', '1440'], run: 'text', with: ['0.1'], source: ['1'], prefix: 'text', due: ['60'],
  queue: ['mine', 'group', 'all'], group: 'text', user: 'text', def: 'text', of: 'text', admins: ['yes'], worker: 'text', workers: ['40'], job: 'text',
  delete: 'text', stop: 'text', resume: 'text',
};

/** routes are the pages, with how many parts their addresses have behind them. */
const routes: [page: string, parts: number][] = [
  ['overview', 0], ['runs', 0], ['runs', 1], ['runs', 3], ['specs', 0], ['specs', 1], ['specs', 2], ['tasks', 0], ['tasks', 1], ['user-tasks', 0], ['user-tasks', 3], ['user-task-defs', 0],
  ['user-task-defs', 2], ['events', 0], ['events', 1], ['workflow-events', 1], ['structs', 0], ['structs', 2], ['schedules', 0], ['jobs', 0], ['migrations', 0], ['migrations', 1], ['tenants', 0],
  ['principals', 0], ['principals', 1], ['quotas', 0], ['cluster', 0], ['more', 0],
];

const odd = ['', '.', '..', '~', '~~', '%', '%2F', '%zz', '/', '//', '\\', '\\,', ',', ',,', '+', ' ', '  ', '&', '=', '?', '#', ';', '"', "'", '<img src=x>', '\n', '\t', '\u0000', 'ü', 'ß', '\u202e', '名', '🐎', '👩‍🌾', 'javascript:', 'constructor', '__proto__', '9007199254740993', 'null', '-', 'a'];

/** random numbers that are the same each time. */
function numbers(seed: number): (below: number) => number {
  let at = seed;
  return (below) => {
    at = (at * 1664525 + 1013904223) % 4294967296;
    return Math.floor((at / 4294967296) * below);
  };
}

const wordOf = (n: (below: number) => number): string => Array.from({ length: n(5) }, () => odd[n(odd.length)]!).join('');

let router: typeof import('./router');
let runs: typeof import('./pages/runs');
const pushed: string[] = [];

beforeAll(async () => {
  const page = new URL('http://here/default/overview');
  vi.stubGlobal('location', page);
  vi.stubGlobal('addEventListener', () => undefined);
  vi.stubGlobal('scrollTo', () => undefined);
  vi.stubGlobal('document', { addEventListener: () => undefined, visibilityState: 'visible' });
  vi.stubGlobal('matchMedia', () => ({ matches: false }));
  const move = (_: unknown, __: string, href: string): void => {
    pushed.push(href);
    page.href = new URL(href, page).href;
  };
  vi.stubGlobal('history', { pushState: move, replaceState: move });
  router = await import('./router');
  runs = await import('./pages/runs');
});

describe('the address of a page', () => {
  it('has no state that is not told of here', () => {
    const sources = import.meta.glob<string>(['./**/*.tsx', './**/*.ts', '!./**/*.test.ts'], { query: '?raw', import: 'default', eager: true });
    const names = new Set(Object.values(sources).flatMap((text) => [...text.matchAll(/\bsearch\.(?:get|getAll|has)\('(\w+)'\)|<(?:Choice|TextFilter|Late|MomentField)\b[^>]*?\bname="(\w+)"|\bsetSearch\(\{ (\w+):/g)].map(([, read, field, set]) => (read ?? field ?? set)!)));
    expect(names.size).toBeGreaterThan(40);
    expect([...names].filter((name) => !(name in kinds))).toEqual([]);
  });

  it('is read as it was written', () => {
    const n = numbers(7);
    for (let round = 0; round < 2000; round++) {
      const [page, parts] = routes[n(routes.length)]!;
      const path = [wordOf(n), page, ...Array.from({ length: parts }, () => wordOf(n))];
      const names = Object.keys(kinds).filter(() => n(4) === 0);
      const state = Object.fromEntries(
        names.map((name): [string, string] => {
          const kind = kinds[name]!;
          return [name, kind === 'text' ? wordOf(n) : kind === 'list' ? router.listText(Array.from({ length: n(4) }, () => wordOf(n))) : kind[n(kind.length)]!];
        }),
      );
      const href = router.address(path, state);
      const read = router.parse(href);
      expect([read.tenant, read.page, ...read.rest], href).toEqual(path);
      expect(Object.fromEntries(read.search), href).toEqual(Object.fromEntries(Object.entries(state).filter(([, value]) => value !== '')));
      expect(router.address([read.tenant, read.page, ...read.rest], Object.fromEntries(read.search)), 'written once more').toBe(href);
    }
  });

  it('is moved to, changed in part, and taken back', () => {
    const n = numbers(11);
    for (let round = 0; round < 300; round++) {
      const path = ['default', 'runs', ...Array.from({ length: n(3) }, () => `x${wordOf(n)}`)];
      const before = { node: `n${wordOf(n)}`, has: wordOf(n) };
      router.go(router.address(path, before));
      const was = pushed.at(-1)!;
      const list = Array.from({ length: n(4) }, () => wordOf(n));
      router.setSearch({ value: list, tab: 'events' });
      const now = router.parse(pushed.at(-1)!);
      expect([now.tenant, now.page, ...now.rest]).toEqual(path);
      expect([now.search.getAll('value'), now.search.get('tab'), now.search.get('node')]).toEqual([list, 'events', before.node]);
      router.setSearch({ value: undefined, tab: undefined });
      expect(router.parse(pushed.at(-1)!)).toEqual(router.parse(was));
    }
  });

  it('holds lists of whatever names there are', () => {
    const n = numbers(13);
    for (let round = 0; round < 1000; round++) {
      const list = Array.from({ length: n(5) }, () => `${wordOf(n)}a`);
      expect(router.listOf(router.listText(list))).toEqual(list);
    }
    expect(router.listOf('customer,number')).toEqual(['customer', 'number']);
    expect(router.listOf(null)).toEqual([]);
  });

  it('is the search for runs', () => {
    const n = numbers(17);
    for (let round = 0; round < 500; round++) {
      const filters = Array.from({ length: n(4) }, () => ({ name: `${wordOf(n)}v`, text: wordOf(n), type: ['STR', 'INT', ''][n(3)]! }));
      const columns = Array.from({ length: n(3) }, () => `${wordOf(n)}c`);
      router.go(router.address(['default', 'runs'], { spec: 'order', version: '2.1', columns: router.listText(columns), status: 'ERROR,RUNNING', without: 'took', id: `i${wordOf(n)}` }));
      router.setSearch(asAddress(filters));
      const { search } = router.parse(pushed.at(-1)!);
      expect(filtersOf(search)).toEqual(filters);
      expect(runs.chosenRuns(search)).toMatchObject({ columns, statuses: ['ERROR', 'RUNNING'], without: ['took'], version: { major: 2, revision: 1 }, id: search.get('id') });
    }
  });

  it('holds no half of a character, and does not break at one', () => {
    expect(router.parse(router.address(['default', 'runs', '\ud83d'], { id: '\ude00' }))).toMatchObject({ rest: ['\ufffd'] });
  });
});
