import { useEffect, useRef } from 'react';
import type { Icon } from './icons';
import { setSearch, useRoute } from './router';

/** Offer is something that can be done where one is. */
export interface Offer {
  text: string;
  icon: Icon;
  /** forbidden is why it cannot be done. */
  forbidden?: string | undefined;
  act: () => void;
}

const offered = new Map<object, Offer[]>();

/** useOffers lets the palette offer what a page can do. */
export function useOffers(offers: Offer[]): void {
  const own = useRef({}).current;
  useEffect(() => {
    offered.set(own, offers);
  });
  useEffect(() => () => void offered.delete(own), [own]);
}

export const offersNow = (): Offer[] => [...offered.values()].flat();

/** useForm opens and closes a form of a page by its address: who has the address has the form, if he may. */
export function useForm(name: string, forbidden: string | undefined): [open: boolean, set: (open: boolean) => void] {
  const asked = useRoute().search.get('do') === name;
  return [asked && !forbidden, (open) => setSearch({ do: open ? name : undefined })];
}
