import { type ReactElement, type ReactNode, type RefObject, useEffect, useRef, useState } from 'react';

/** Window is the part of a long list that is drawn. */
export interface Window {
  first: number;
  last: number;
  above: number;
  below: number;
}

/** windowOf finds which rows of one height can be seen, with some around them. */
export function windowOf(count: number, height: number, top: number, room: number, around = 12): Window {
  const first = Math.max(0, Math.min(count, Math.floor(top / height) - around));
  const last = Math.max(first, Math.min(count, Math.ceil((top + room) / height) + around));
  return { first, last, above: first * height, below: (count - last) * height };
}

/** useWindow follows what can be seen of a list: within its own box, or if it has none that scrolls, on the page. */
export function useWindow(count: number, height: number): { box: RefObject<HTMLDivElement | null>; shown: Window } {
  const box = useRef<HTMLDivElement>(null);
  const [seen, set] = useState({ top: 0, room: 800 });
  useEffect(() => {
    const at = box.current;
    if (!at) return;
    let asked = 0;
    const look = (): void => {
      asked = 0;
      const own = at.scrollHeight > at.clientHeight + 1;
      const next = own ? { top: at.scrollTop, room: at.clientHeight } : { top: Math.max(0, -at.getBoundingClientRect().top), room: innerHeight };
      set((old) => (Math.abs(old.top - next.top) < height * 4 && old.room === next.room ? old : next));
    };
    const later = (): void => {
      asked ||= requestAnimationFrame(look);
    };
    look();
    at.addEventListener('scroll', later, { passive: true });
    addEventListener('scroll', later, { passive: true });
    addEventListener('resize', later);
    return () => {
      cancelAnimationFrame(asked);
      at.removeEventListener('scroll', later);
      removeEventListener('scroll', later);
      removeEventListener('resize', later);
    };
  }, [height, count]);
  return { box, shown: windowOf(count, height, seen.top, seen.room) };
}

/** Rows are a list of rows of one height, of which those are drawn that can be seen. */
export function Rows(p: { count: number; height: number; label: string; className?: string; row: (i: number) => ReactNode }): ReactElement {
  const { box, shown } = useWindow(p.count, p.height);
  const rows: ReactNode[] = [];
  for (let i = shown.first; i < shown.last; i++) {
    rows.push(
      <div key={i} role="listitem" aria-setsize={p.count} aria-posinset={i + 1} style={{ height: p.height }}>
        {p.row(i)}
      </div>,
    );
  }
  return (
    <div ref={box} className={`virtual ${p.className ?? ''}`} tabIndex={0} role="list" aria-label={p.label}>
      <div style={{ height: shown.above }} aria-hidden="true" />
      {rows}
      <div style={{ height: shown.below }} aria-hidden="true" />
    </div>
  );
}
