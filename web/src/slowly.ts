import { useEffect, useRef, useState } from 'react';

/** useSlowly is a value that follows another, but changes at most once in so many milliseconds. */
export function useSlowly<T>(value: T, pause: number): T {
  const [slow, set] = useState(value);
  const changed = useRef(0);
  useEffect(() => {
    if (Object.is(slow, value)) return;
    const timer = setTimeout(
      () => {
        changed.current = Date.now();
        set(value);
      },
      Math.max(0, changed.current + pause - Date.now()),
    );
    return () => clearTimeout(timer);
  }, [value, slow, pause]);
  return slow;
}
