const units: [string, number][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
];

/** spanText is a duration in its two largest units. */
export function spanText(ms: number): string {
  if (ms < 0) return '0 ms';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  for (let i = 0; i < units.length; i++) {
    const [name, size] = units[i]!;
    if (ms < size) continue;
    const whole = Math.floor(ms / size);
    const next = units[i + 1];
    const rest = next ? Math.floor((ms % size) / next[1]) : 0;
    return next && rest > 0 ? `${whole} ${name} ${rest} ${next[0]}` : `${whole} ${name}`;
  }
  return '0 ms';
}

/** minuteBack is the minute in which that was, so that who asks again soon asks the same. */
export const minuteBack = (ms: number): string => new Date(Math.floor((Date.now() - ms) / 60_000) * 60_000).toISOString();

/** agoText says how far a moment is from now. */
export function agoText(at: string, now: number): string {
  const ms = now - Date.parse(at);
  if (Math.abs(ms) < 2000) return 'now';
  const coarse = (span: number): string => {
    for (const [name, size] of units) if (span >= size) return `${Math.floor(span / size)} ${name}`;
    return '1 s';
  };
  return ms < 0 ? `in ${coarse(-ms)}` : `${coarse(ms)} ago`;
}

export const exactText = (at: string): string => {
  const d = new Date(at);
  return `${d.toLocaleString()} (${d.toISOString()})`;
};

/** localText is a moment as a field for a date and a time of day has it, in the browser's time. */
export function localText(at: string): string {
  const d = new Date(at);
  if (Number.isNaN(d.getTime())) return '';
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${String(d.getFullYear()).padStart(4, '0')}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}`;
}
