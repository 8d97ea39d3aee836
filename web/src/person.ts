import { useState } from 'react';
import { useWhoami } from './permissions';

const name = 'person';

/** usePerson is in whose name user tasks are taken: who has logged in, or whoever one says to be where nobody logs in. */
export function usePerson(): [person: string, say: (person: string) => void] {
  const me = useWhoami();
  const [said, set] = useState(() => {
    try {
      return sessionStorage.getItem(name) ?? '';
    } catch {
      return '';
    }
  });
  const known = me?.id?.id ?? '';
  return [
    said || (known === 'anonymous' ? '' : known),
    (person) => {
      set(person);
      try {
        sessionStorage.setItem(name, person);
      } catch {
        // the browser keeps nothing
      }
    },
  ];
}
