import './style.css';
import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { lazy, type ReactElement, StrictMode, Suspense, useEffect, useState, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';
import logo from './icon.svg';
import { about, call, loginAddress, logout, reach, Refusal, session, strange } from './api';
import { icons } from './icons';
import { elsewhere, leader } from './keys';
import { still, useStill } from './live';
import { nav, others } from './nav';
import { Palette } from './palette';
import { Run } from './pages/run';
import { Runs } from './pages/runs';
import { Spec, Specs } from './pages/specs';
import { Task, Tasks } from './pages/tasks';
import { useWhoami } from './permissions';
import { address, go, to, useRoute } from './router';
import { store, stored } from './stored';
import { applyTheme, flipTheme, useDark } from './theme';
import type { Tenant } from './types.gen';
import { A, Boundary, Button, Clock, Dialog, Empty, Field, Footer, Note, say, Skeleton, Toasts } from './ui';

const client = new QueryClient({
  defaultOptions: {
    queries: { retry: (n, e) => e instanceof Refusal && e.code === 'unavailable' && n < 20, retryDelay: 1000, staleTime: 1000, refetchOnWindowFocus: () => !still.now },
  },
});

const Overview = lazy(async () => ({ default: (await import('./pages/overview')).Overview }));
const Inbox = lazy(async () => ({ default: (await import('./pages/inbox')).Inbox }));
const Forms = lazy(async () => ({ default: (await import('./pages/forms')).Forms }));
const Form = lazy(async () => ({ default: (await import('./pages/forms')).Form }));
const Events = lazy(async () => ({ default: (await import('./pages/events')).Events }));
const EventDef = lazy(async () => ({ default: (await import('./pages/events')).EventDef }));
const WorkflowEvent = lazy(async () => ({ default: (await import('./pages/events')).WorkflowEvent }));
const Structs = lazy(async () => ({ default: (await import('./pages/structs')).Structs }));
const Struct = lazy(async () => ({ default: (await import('./pages/structs')).Struct }));
const Schedules = lazy(async () => ({ default: (await import('./pages/schedules')).Schedules }));
const Jobs = lazy(async () => ({ default: (await import('./pages/jobs')).Jobs }));
const Migrations = lazy(async () => ({ default: (await import('./pages/jobs')).Migrations }));
const Migration = lazy(async () => ({ default: (await import('./pages/jobs')).Migration }));
const Tenants = lazy(async () => ({ default: (await import('./pages/admin')).Tenants }));
const Principals = lazy(async () => ({ default: (await import('./pages/admin')).Principals }));
const PrincipalPage = lazy(async () => ({ default: (await import('./pages/admin')).PrincipalPage }));
const Quotas = lazy(async () => ({ default: (await import('./pages/admin')).Quotas }));
const Server = lazy(async () => ({ default: (await import('./pages/server')).Server }));

function Page(): ReactElement {
  const { page, rest } = useRoute();
  switch (page) {
    case 'overview':
      return <Overview />;
    case 'runs':
      return rest.length > 0 ? <Run /> : <Runs />;
    case 'specs':
      return rest.length > 0 ? <Spec /> : <Specs />;
    case 'tasks':
      return rest.length > 0 ? <Task /> : <Tasks />;
    case 'user-tasks':
      return <Inbox />;
    case 'user-task-defs':
      return rest.length > 0 ? <Form /> : <Forms />;
    case 'events':
      return rest.length > 0 ? <EventDef /> : <Events />;
    case 'workflow-events':
      return rest.length > 0 ? <WorkflowEvent /> : <Events />;
    case 'structs':
      return rest.length > 0 ? <Struct /> : <Structs />;
    case 'schedules':
      return <Schedules />;
    case 'jobs':
      return <Jobs />;
    case 'migrations':
      return rest.length > 0 ? <Migration /> : <Migrations />;
    case 'tenants':
      return <Tenants />;
    case 'principals':
      return rest.length > 0 ? <PrincipalPage /> : <Principals />;
    case 'quotas':
      return <Quotas />;
    case 'cluster':
      return <Server />;
    case 'more':
      return <More />;
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
    if (route.tenant === '') go(address([stored('tenant') ?? 'default', 'overview']), true);
    else if (route.page === '') go(to(['overview']), true);
    else store('tenant', route.tenant);
  }, [route]);
  useEffect(() => {
    document.title = [...route.rest.slice(-1), [...nav, ...others].find((n) => n.page === route.page)?.name, 'LittleHorse'].filter(Boolean).join(' · ');
  }, [route]);
  return (
    <div className="shell">
      <a className="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById('main')?.focus(); }}>
        Skip to the content
      </a>
      <nav className="side" aria-label="Main">
        <A className="brand" href={to(['overview'])}>
          <img src={logo} alt="" />
          LittleHorse
        </A>
        <div className="nav">
          {nav.map((n) => (
            <A key={n.page} href={to([n.page])} current={n.page === route.page}>
              {icons[n.icon]}
              {n.name}
            </A>
          ))}
        </div>
        <div className="nav second">
          {others.map((n) => (
            <A key={n.page} href={to([n.page])} current={n.page === route.page}>
              {n.name}
            </A>
          ))}
        </div>
        <div className="nav narrow">
          <A href={to(['more'])} current={route.page === 'more'}>
            {icons.dot}
            More
          </A>
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
          <Pause />
          <Theme />
          <LogOut />
        </header>
        <main id="main" tabIndex={-1}>
          <Unreachable />
          <Standing />
          <Warning />
          <Boundary key={`${route.tenant}/${route.page}/${route.page === 'user-tasks' ? '' : route.rest.join('/')}`}>
            <Suspense fallback={<Skeleton lines={8} />}>
              <Page />
            </Suspense>
          </Boundary>
        </main>
      </div>
      {palette && <Palette onClose={() => setPalette(false)} help={() => setHelp(true)} />}
      {help && <Help onClose={() => setHelp(false)} />}
      <Toasts />
    </div>
  );
}

/** More leads to the pages that have no room on a narrow screen. */
function More(): ReactElement {
  return (
    <>
      <h1>More</h1>
      <div className="cards">
        {others.map((n) => (
          <A key={n.page} className="panel card" href={to([n.page])}>
            <span className="name">{n.name}</span>
            <span className="soft small">{n.about}</span>
          </A>
        ))}
      </div>
      <div className="row">
        <Version />
      </div>
    </>
  );
}

/** useKeys are the keys that lead somewhere from everywhere. */
function useKeys(openPalette: () => void, openHelp: () => void): void {
  useEffect(() => {
    const pressed = (e: KeyboardEvent): void => {
      if ((e.ctrlKey || e.metaKey) && e.key === 'k') {
        e.preventDefault();
        openPalette();
        return;
      }
      if (elsewhere(e) || e.ctrlKey || e.metaKey || e.altKey) return;
      const target = [...nav, ...others].find((n) => n.key === e.key);
      if (leader.leads() && target) go(to([target.page]));
      else if (e.key === '?') openHelp();
      else if (e.key === '/') {
        const field = document.querySelector<HTMLElement>('[data-search]');
        if (field) {
          e.preventDefault();
          field.focus();
        }
      }
      leader.at = e.key === 'g' ? Date.now() : 0;
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [openPalette, openHelp]);
}

function Help({ onClose }: { onClose: () => void }): ReactElement {
  const keys: [string, string][] = [
    ['Ctrl K', 'go anywhere'],
    ['g o', 'overview'],
    ['g r', 'runs'],
    ['g s', 'workflows'],
    ['g t', 'tasks'],
    ['g u', 'user tasks'],
    ['g e', 'events'],
    ['← → ↑ ↓', 'follow the graph from a step'],
    ['[, ]', 'previous and next visit of the step'],
    ['t', 'next thread of the run'],
    ['j, k', 'next and previous user task'],
    ['c', 'claim the user task'],
    ['Ctrl Enter', 'complete the user task'],
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
      <Footer onClose={onClose} />
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
  const dark = useDark();
  return <Button kind="plain" icon={dark ? 'sun' : 'moon'} label={dark ? 'Light colours' : 'Dark colours'} onClick={flipTheme} />;
}

/** Pause lets what is seen stay as it is, to be read in peace. */
function Pause(): ReactElement {
  const paused = useStill();
  return <Button kind="plain" icon={paused ? 'play' : 'pause'} pressed={paused} label={paused ? 'Go on with live updates' : 'Pause live updates'} onClick={() => still.set(!paused)} />;
}

/** LogOut says who has logged in, and ends that. */
function LogOut(): ReactElement | null {
  const me = useWhoami();
  if (!useAbout().data?.loggedIn) return null;
  const leave = (): void => void logout().then((at) => location.assign(at), (e: Error) => say(e.message));
  return <Button kind="plain" icon="leave" label={`Log out${me?.id ? ` ${me.id.id}` : ''}`} onClick={leave} />;
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
  useEffect(() => {
    if (good) return;
    const again = setInterval(() => void call('Whoami', {}).catch(() => undefined), 2000);
    return () => clearInterval(again);
  }, [good]);
  if (good) return null;
  return (
    <Note tone="warn" icon="alert" live>
      <strong>The server cannot be reached.</strong>
      <span className="small soft">What you see is as it was. The page asks again by itself.</span>
    </Note>
  );
}

/** Standing says that what is seen is kept from changing. */
function Standing(): ReactElement | null {
  if (!useStill()) return null;
  return (
    <Note tone="warn" icon="pause" live>
      <div className="row">
        <strong>Live updates are paused.</strong>
        <Button icon="play" onClick={() => still.set(false)}>
          Go on
        </Button>
      </div>
    </Note>
  );
}

/** Warning asks who one is where the server wants to know. */
function Warning(): ReactElement | null {
  const me = useQuery({ queryKey: ['whoami', session.token ?? ''], queryFn: ({ signal }) => call('Whoami', {}, signal), staleTime: 60_000 });
  const known = useAbout().data;
  useEffect(() => {
    const ask = (): void => {
      const of = client.getQueryState(['whoami', session.token ?? '']);
      if (of?.status === 'success' && of.fetchStatus === 'idle') void client.invalidateQueries({ queryKey: ['whoami'] });
    };
    strange.listeners.add(ask);
    return () => void strange.listeners.delete(ask);
  }, []);
  if (!(me.error instanceof Refusal) || (me.error.code !== 'unauthenticated' && me.error.code !== 'permission_denied') || !known) return null;
  if (!known.login) return <TokenForm why={me.error.message} />;
  const nobody = me.error.code === 'unauthenticated';
  return (
    <Note tone="warn" icon="person">
      <strong>{nobody ? 'You are not logged in.' : me.error.message}</strong>
      {nobody ? (
        <div>
          <a className="button main" href={loginAddress()}>
            Log in
          </a>
        </div>
      ) : (
        <span className="small soft">You are logged in, and have no rights here. Somebody who may has to make a principal of that name.</span>
      )}
    </Note>
  );
}

/** TokenForm asks for a token. */
function TokenForm({ why }: { why: string }): ReactElement {
  const [token, setToken] = useState('');
  const enter = (): void => {
    session.token = token.trim();
    client.clear();
    void client.invalidateQueries();
    go(location.pathname + location.search, true);
  };
  return (
    <Note tone="warn" icon="alert">
      <strong>{why}</strong>
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

applyTheme();
createRoot(document.getElementById('app')!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <Clock>
        <Shell />
      </Clock>
    </QueryClientProvider>
  </StrictMode>,
);
