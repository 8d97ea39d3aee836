import {
  Component,
  createContext,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';
import { Refusal } from './api';
import { type Icon, icons } from './icons';
import { go } from './router';
import { type Look, lookOf } from './status';
import { agoText, exactText } from './times';
import type { LHStatus } from './types.gen';

interface ButtonProps {
  children?: ReactNode;
  icon?: Icon;
  onClick?: () => void;
  kind?: 'main' | 'plain' | 'danger' | 'danger main' | undefined;
  label?: string;
  /** why it cannot be pressed; it stays reachable, so that the reason can be read. */
  forbidden?: string | undefined;
  pressed?: boolean;
  submit?: boolean;
}

export function Button(p: ButtonProps): ReactElement {
  return (
    <button
      type={p.submit ? 'submit' : 'button'}
      className={`button ${p.kind ?? ''} ${p.children ? '' : 'icon'}`}
      aria-label={p.label}
      aria-disabled={p.forbidden ? true : undefined}
      aria-pressed={p.pressed}
      title={p.forbidden ?? p.label}
      onClick={() => !p.forbidden && p.onClick?.()}
    >
      {p.icon && <span style={{ display: 'inline-flex', width: 16 }}>{icons[p.icon]}</span>}
      {p.children}
    </button>
  );
}

/** Heading begins a page of many: what they are, in a line, and what can be done there. */
export function Heading(p: { title: string; about: ReactNode; children?: ReactNode }): ReactElement {
  return (
    <div className="title">
      <div className="grow">
        <h1>{p.title}</h1>
        <p className="soft">{p.about}</p>
      </div>
      {p.children && <div className="row tight actions">{p.children}</div>}
    </div>
  );
}

/** ObjectHeading begins the page of one: where it is listed, its name, beside it its version, a line about it, and what can be done with it. */
export function ObjectHeading(p: { list: string; href: string; title: ReactNode; version?: ReactNode; about: ReactNode; children?: ReactNode }): ReactElement {
  const name = <h1>{p.title}</h1>;
  return (
    <div className="title">
      <div className="stack tight grow">
        <nav className="crumbs" aria-label="Where this is">
          <A href={p.href}>{p.list}</A>
        </nav>
        {p.version ? (
          <div className="row">
            {name}
            {p.version}
          </div>
        ) : (
          name
        )}
        {p.about && <p className="soft small">{p.about}</p>}
      </div>
      {p.children && <div className="row tight actions">{p.children}</div>}
    </div>
  );
}

/** A leads to a page without loading it anew. */
export function A(p: { href: string; children: ReactNode; className?: string; current?: boolean; onClick?: () => void }): ReactElement {
  return (
    <a
      href={p.href}
      className={p.className}
      aria-current={p.current ? 'page' : undefined}
      onClick={(e) => {
        if (e.metaKey || e.ctrlKey || e.shiftKey || e.button !== 0) return;
        e.preventDefault();
        e.stopPropagation();
        p.onClick?.();
        go(p.href);
      }}
    >
      {p.children}
    </a>
  );
}

export function Badge({ look }: { look: Look }): ReactElement {
  return (
    <span className={`badge ${look.tone}`}>
      {icons[look.icon]}
      {look.word}
    </span>
  );
}

export const Status = ({ of }: { of: LHStatus }): ReactElement => <Badge look={lookOf(of)} />;

const Now = createContext(0);
export const useNow = (): number => useContext(Now);

/** Clock lets all times of a page move on together. */
export function Clock({ children }: { children: ReactNode }): ReactElement {
  const [now, set] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && set(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return <Now.Provider value={now}>{children}</Now.Provider>;
}

export function Time({ at }: { at: string | undefined }): ReactElement {
  const now = useNow();
  if (!at) return <span className="soft">–</span>;
  return (
    <time dateTime={at} title={exactText(at)}>
      {agoText(at, now)}
    </time>
  );
}

/** Moment is an exact time of day, to the millisecond. */
export function Moment({ at }: { at: number }): ReactElement {
  const iso = new Date(at).toISOString();
  return (
    <time dateTime={iso} title={exactText(iso)} className="mono">
      {iso.replace('T', ' ').slice(0, 23)}
    </time>
  );
}

export function Copy({ text, what }: { text: string; what: string }): ReactElement {
  return <Button kind="plain" icon="copy" label={`Copy ${what}`} onClick={() => void copy(text, what)} />;
}

/** copy puts a text where it can be pasted from, and says so. */
export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    say(`Copied ${what}.`);
  } catch {
    say('The browser does not allow to copy.');
  }
}

export function Command({ text }: { text: string }): ReactElement {
  return (
    <div className="command">
      <code tabIndex={0} aria-label="Command">{text}</code>
      <Copy text={text} what="command" />
    </div>
  );
}

export function Panel(p: { title?: ReactNode; actions?: ReactNode; children: ReactNode; bare?: boolean }): ReactElement {
  return (
    <section className="panel">
      {p.title !== undefined && (
        <header>
          <h2 className="grow">{p.title}</h2>
          {p.actions}
        </header>
      )}
      {p.bare ? p.children : <div className="body">{p.children}</div>}
    </section>
  );
}

export function Empty(p: { icon: Icon; title: string; children?: ReactNode }): ReactElement {
  return (
    <div className="empty">
      {icons[p.icon]}
      <h2>{p.title}</h2>
      {p.children}
    </div>
  );
}

export function Note(p: { tone: 'bad' | 'run' | 'warn' | 'good'; icon: Icon; children: ReactNode; live?: boolean | 'alert' }): ReactElement {
  return (
    <div className={`note ${p.tone}`} role={p.live === true ? 'status' : p.live || undefined}>
      {icons[p.icon]}
      <div className="stack tight grow">{p.children}</div>
    </div>
  );
}

export function Problem({ error, retry }: { error: unknown; retry?: () => void }): ReactElement {
  const refusal = error instanceof Refusal ? error : undefined;
  return (
    <Note tone="bad" icon="alert" live="alert">
      <strong>{refusal?.message ?? 'Something went wrong on this page.'}</strong>
      <span className="small soft">{refusal ? `The server says ${refusal.code}.` : String(error)}</span>
      {retry && (
        <div>
          <Button icon="again" onClick={retry}>
            Try again
          </Button>
        </div>
      )}
    </Note>
  );
}

export const Skeleton = ({ lines = 4 }: { lines?: number }): ReactElement => (
  <div className="stack" role="status" aria-busy="true" aria-label="Loading">
    {Array.from({ length: lines }, (_, i) => (
      <div key={i} className="skeleton" style={{ width: `${92 - ((i * 17) % 40)}%` }} />
    ))}
  </div>
);

/** Boundary keeps what is broken to itself. */
export class Boundary extends Component<{ children: ReactNode }, { error?: unknown }> {
  override state: { error?: unknown } = {};
  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }
  override render(): ReactNode {
    return this.state.error ? <Problem error={this.state.error} retry={() => this.setState({ error: undefined })} /> : this.props.children;
  }
}

export function Dialog(p: { title: string; onClose: () => void; children: ReactNode; className?: string; bare?: boolean }): ReactElement {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  /** outside says whether the pointer went down there: who marks a text may let go anywhere. */
  const outside = useRef(false);
  useEffect(() => {
    const back = document.activeElement;
    ref.current?.showModal();
    return () => {
      if (back instanceof HTMLElement) back.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className={p.className}
      aria-labelledby={id}
      onClose={p.onClose}
      onPointerDown={(e) => {
        outside.current = e.target === ref.current;
      }}
      onClick={(e) => e.target === ref.current && outside.current && p.onClose()}
    >
      <div>
        <h2 id={id} className={p.bare ? 'hidden' : undefined} style={p.bare ? undefined : { fontSize: 18 }}>
          {p.title}
        </h2>
        {p.children}
      </div>
      <Toasts />
    </dialog>
  );
}

/** Footer ends a dialog: by what it does, or if it only tells something, by closing it. */
export function Footer({ onClose, children }: { onClose: () => void; children?: ReactNode }): ReactElement {
  return (
    <footer>
      <Button kind={children ? undefined : 'main'} onClick={onClose}>
        {children ? 'Cancel' : 'Close'}
      </Button>
      {children}
    </footer>
  );
}

export function Field(p: { label: ReactNode; problem?: string | undefined; children: (id: string) => ReactNode }): ReactElement {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{p.label}</label>
      {p.children(id)}
      {p.problem && (
        <span className="problem" role="alert">
          {p.problem}
        </span>
      )}
    </div>
  );
}

export interface Tab {
  id: string;
  title: ReactNode;
}

/** Tabs are reached by the arrow keys, as people expect of them. */
export function Tabs(p: { tabs: Tab[]; chosen: string; choose: (id: string) => void; label: string }): ReactElement {
  const move = (by: number): void => {
    const at = p.tabs.findIndex((t) => t.id === p.chosen);
    const next = p.tabs[(at + by + p.tabs.length) % p.tabs.length];
    if (!next) return;
    p.choose(next.id);
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label={p.label}>
      {p.tabs.map((t) => (
        <button
          key={t.id}
          id={`tab-${t.id}`}
          type="button"
          role="tab"
          aria-selected={t.id === p.chosen}
          tabIndex={t.id === p.chosen ? 0 : -1}
          onClick={() => p.choose(t.id)}
          onKeyDown={(e) => {
            if (e.key === 'ArrowRight') move(1);
            if (e.key === 'ArrowLeft') move(-1);
          }}
        >
          {t.title}
        </button>
      ))}
    </div>
  );
}

let toasts: { id: number; text: string }[] = [];
const listeners = new Set<() => void>();
let last = 0;

/** say tells the outcome of an action, to the eye and to screen readers. */
export function say(text: string): void {
  const id = ++last;
  const set = (next: typeof toasts): void => {
    toasts = next;
    for (const tell of listeners) tell();
  };
  set([...toasts, { id, text }]);
  setTimeout(() => set(toasts.filter((t) => t.id !== id)), 5000);
}

/** places are where outcomes are told, the uppermost last: behind a dialog nobody hears or sees anything. */
let places: object[] = [];

const setPlaces = (next: object[]): void => {
  places = next;
  for (const tell of listeners) tell();
};

const hear = (tell: () => void): (() => void) => {
  listeners.add(tell);
  return () => listeners.delete(tell);
};

/** Toasts tell outcomes, of the page and of each dialog: what is uppermost has them. */
export function Toasts(): ReactElement {
  const own = useRef({}).current;
  const shown = useSyncExternalStore(hear, () => toasts);
  const uppermost = useSyncExternalStore(hear, () => places.at(-1) === own);
  useLayoutEffect(() => {
    setPlaces([...places, own]);
    return () => setPlaces(places.filter((p) => p !== own));
  }, [own]);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {(uppermost ? shown : []).map((t) => (
        <div key={t.id} className="toast">
          {t.text}
        </div>
      ))}
    </div>
  );
}
