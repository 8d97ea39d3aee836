import './style.css';
import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { type ReactElement, StrictMode, useEffect, useState, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';
import logo from './icon.svg';
import { about, call, reach, Refusal, session } from './api';
import { icons } from './icons';
import { Palette } from './palette';
import { Run } from './pages/run';
import { Runs } from './pages/runs';
import { Spec, Specs } from './pages/specs';
import { Task, Tasks } from './pages/tasks';
import { useWhoami } from './permissions';
import { address, go, to, useRoute } from './router';
import type { Tenant } from './types.gen';
import { A, Boundary, Button, Clock, Dialog, Empty, Field, Note, Toasts } from './ui';

const client = new QueryClient({
  defaultOptions: {
    queries: { retry: (n, e) => e instanceof Refusal && e.code === 'unavailable' && n < 20, retryDelay: 1000, staleTime: 1000 },
  },
});

const nav = [
  { page: 'runs', name: 'Runs', icon: icons.runs, key: 'r' },
  { page: 'specs', name: 'Workflows', icon: icons.specs, key: 's' },
  { page: 'tasks', name: 'Tasks', icon: icons.tasks, key: 't' },
];

const stored = (name: string): string | null => {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // the browser keeps nothing
  }
};
const store = (name: string, value: string): void => {
  try {
    localStorage.setItem(name, value);
  } catch {
    // the browser keeps nothing
  }
};

function applyTheme(theme: string | null): void {
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
}

function Page(): ReactElement {
  const { page, rest } = useRoute();
  switch (page) {
    case 'runs':
      return rest.length > 0 ? <Run /> : <Runs />;
    case 'specs':
      return rest.length > 0 ? <Spec /> : <Specs />;
    case 'tasks':
      return rest.length > 0 ? <Task /> : <Tasks />;
    default:
      return (
        <Empty icon="search" title="There is no such page">
          <A className="button main" href={to(['runs'])}>
            See the runs
          </A>
        </Empty>
      );
  }
}

function Shell(): ReactElement {
  const route = useRoute();
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  useKeys(() => setPalette(true), () => setHelp(true));
  useEffect(() => {
    if (route.tenant === '') go(address([stored('tenant') ?? 'default', 'runs']), true);
    else if (route.page === '') go(to(['runs']), true);
    else store('tenant', route.tenant);
  }, [route]);
  useEffect(() => {
    document.title = [...route.rest.slice(-1), nav.find((n) => n.page === route.page)?.name, 'LittleHorse'].filter(Boolean).join(' · ');
  }, [route]);
  return (
    <div className="shell">
      <a className="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById('main')?.focus(); }}>
        Skip to the content
      </a>
      <nav className="side" aria-label="Main">
        <A className="brand" href={to(['runs'])}>
          <img src={logo} alt="" />
          LittleHorse
        </A>
        <div className="nav">
          {nav.map((n) => (
            <A key={n.page} href={to([n.page])} current={n.page === route.page}>
              {n.icon}
              {n.name}
            </A>
          ))}
        </div>
        <div className="foot">
          <Version />
        </div>
      </nav>
      <div>
        <header className="top">
          <button type="button" className="open" onClick={() => setPalette(true)}>
            <span style={{ width: 16, display: 'inline-flex' }}>{icons.search}</span>
            Go to a run, workflow, task…
            <span className="kbd">Ctrl K</span>
          </button>
          <span className="grow" />
          <TenantPicker />
          <Theme />
        </header>
        <main id="main" tabIndex={-1}>
          <Unreachable />
          <Warning />
          <Boundary key={`${route.tenant}/${route.page}/${route.rest.join('/')}`}>
            <Page />
          </Boundary>
        </main>
      </div>
      {palette && <Palette onClose={() => setPalette(false)} />}
      {help && <Help onClose={() => setHelp(false)} />}
      <Toasts />
    </div>
  );
}

/** useKeys are the keys that lead somewhere from everywhere. */
function useKeys(openPalette: () => void, openHelp: () => void): void {
  useEffect(() => {
    let leader = 0;
    const pressed = (e: KeyboardEvent): void => {
      if ((e.ctrlKey || e.metaKey) && e.key === 'k') {
        e.preventDefault();
        openPalette();
        return;
      }
      const typing = e.target instanceof HTMLElement && (e.target.matches('input, textarea, select') || e.target.isContentEditable);
      if (typing || e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return;
      const target = nav.find((n) => n.key === e.key);
      if (Date.now() - leader < 1200 && target) go(to([target.page]));
      else if (e.key === '?') openHelp();
      else if (e.key === '/') {
        const field = document.querySelector<HTMLElement>('[data-search]');
        if (field) {
          e.preventDefault();
          field.focus();
        }
      }
      leader = e.key === 'g' ? Date.now() : 0;
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [openPalette, openHelp]);
}

function Help({ onClose }: { onClose: () => void }): ReactElement {
  const keys: [string, string][] = [
    ['Ctrl K', 'go anywhere'],
    ['g r', 'runs'],
    ['g s', 'workflows'],
    ['g t', 'tasks'],
    ['/', 'search on this page'],
    ['Esc', 'close'],
    ['?', 'this help'],
  ];
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="facts">
        {keys.map(([key, what]) => (
          <div key={key} style={{ display: 'contents' }}>
            <dt>
              <span className="kbd">{key}</span>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <footer>
        <Button kind="main" onClick={onClose}>
          Close
        </Button>
      </footer>
    </Dialog>
  );
}

function TenantPicker(): ReactElement {
  const me = useWhoami();
  const { tenant, page } = useRoute();
  const all = useQuery({ queryKey: ['tenants', me?.id?.id], queryFn: ({ signal }) => call('SearchTenant', { limit: 1000 }, signal), enabled: me !== undefined, retry: false, staleTime: 60_000 });
  const own = Object.keys(me?.perTenantAcls ?? {});
  const names = new Set([tenant, ...own, ...(all.data?.results ?? []).map((t: Tenant['id']) => t?.id ?? '')].filter(Boolean));
  return (
    <select
      className="input"
      style={{ width: 'auto', maxWidth: 200 }}
      aria-label="Tenant"
      value={tenant}
      onChange={(e) => {
        client.clear();
        go(address([e.target.value, page || 'runs']));
      }}
    >
      {[...names].sort().map((n) => (
        <option key={n}>{n}</option>
      ))}
    </select>
  );
}

function Theme(): ReactElement {
  const system = matchMedia('(prefers-color-scheme: dark)').matches;
  const [dark, setDark] = useState((stored('theme') ?? (system ? 'dark' : 'light')) === 'dark');
  const flip = (): void => {
    const next = dark ? 'light' : 'dark';
    store('theme', next);
    applyTheme(next);
    setDark(!dark);
  };
  return <Button kind="plain" icon={dark ? 'sun' : 'moon'} label={dark ? 'Light colours' : 'Dark colours'} onClick={flip} />;
}

const useAbout = (): ReturnType<typeof useQuery<Awaited<ReturnType<typeof about>>>> => useQuery({ queryKey: ['about'], queryFn: about, staleTime: Number.POSITIVE_INFINITY });

function Version(): ReactElement {
  const known = useAbout().data;
  return (
    <>
      {known?.open && (
        <span className="badge warn" title="Whoever reaches this port may do what the principal anonymous may.">
          {icons.alert}no authentication
        </span>
      )}
      <span className="soft small">API {known?.version ?? ''}</span>
    </>
  );
}

/** Unreachable says that what is seen may be old; the page goes on by itself. */
function Unreachable(): ReactElement | null {
  const good = useSyncExternalStore(
    (tell) => {
      reach.listeners.add(tell);
      return () => reach.listeners.delete(tell);
    },
    () => reach.good,
  );
  if (good) return null;
  return (
    <Note tone="warn" icon="alert" live>
      <strong>The server cannot be reached.</strong>
      <span className="small soft">What you see is as it was. The page asks again by itself.</span>
    </Note>
  );
}

/** Warning asks for a token where the server wants one. */
function Warning(): ReactElement | null {
  const me = useQuery({ queryKey: ['whoami', session.token ?? ''], queryFn: ({ signal }) => call('Whoami', {}, signal), staleTime: 60_000 });
  const [token, setToken] = useState('');
  if (!(me.error instanceof Refusal) || (me.error.code !== 'unauthenticated' && me.error.code !== 'permission_denied')) return null;
  const enter = (): void => {
    session.token = token.trim();
    client.clear();
    void client.invalidateQueries();
    go(location.pathname + location.search, true);
  };
  return (
    <Note tone="warn" icon="alert">
      <strong>{me.error.message}</strong>
      <Field label="Bearer token. It is kept until this page is closed.">
        {(id) => <input id={id} className="input mono" type="password" autoComplete="off" value={token} onChange={(e) => setToken(e.target.value)} onKeyDown={(e) => e.key === 'Enter' && enter()} />}
      </Field>
      <div>
        <Button kind="main" onClick={enter}>
          Use it
        </Button>
      </div>
    </Note>
  );
}

applyTheme(stored('theme'));
createRoot(document.getElementById('app')!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <Clock>
        <Shell />
      </Clock>
    </QueryClientProvider>
  </StrictMode>,
);
