import type { ReactElement, ReactNode } from 'react';
import { setSearch, useRoute } from './router';

/** Fold is what is folded away until somebody wants it; the address says that it is not. */
export function Fold(p: { name: string; title: ReactNode; className?: string; summary?: string; children: ReactNode }): ReactElement {
  const all = useRoute().search.getAll('unfolded');
  const open = all.includes(p.name);
  return (
    <details open={open} className={p.className}>
      <summary
        className={p.summary}
        onClick={(e) => {
          e.preventDefault();
          setSearch({ unfolded: open ? all.filter((n) => n !== p.name) : [...all, p.name] });
        }}
      >
        {p.title}
      </summary>
      {p.children}
    </details>
  );
}
