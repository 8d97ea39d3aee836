const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const days = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

/** Cron is an expression of five fields, in UTC. */
export interface Cron {
  minutes: Set<number>;
  hours: Set<number>;
  daysOfMonth: Set<number>;
  months: Set<number>;
  daysOfWeek: Set<number>;
  /** anyDay says which of the two fields of days is a star: then the other decides alone. */
  anyDayOfMonth: boolean;
  anyDayOfWeek: boolean;
}

/** parseCron reads an expression; undefined if it is none. */
export function parseCron(text: string): Cron | undefined {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== 5) return undefined;
  const [m, h, dom, mon, dow] = fields as [string, string, string, string, string];
  const minutes = range(m, 0, 59);
  const hours = range(h, 0, 23);
  const daysOfMonth = range(dom, 1, 31);
  const inMonths = range(mon, 1, 12, months, 1);
  const daysOfWeek = range(dow, 0, 7, days, 0);
  if (!minutes || !hours || !daysOfMonth || !inMonths || !daysOfWeek) return undefined;
  if (daysOfWeek.has(7)) daysOfWeek.add(0);
  return { minutes, hours, daysOfMonth, months: inMonths, daysOfWeek, anyDayOfMonth: /^[*?]/.test(dom), anyDayOfWeek: /^[*?]/.test(dow) };
}

function range(text: string, least: number, most: number, names: string[] = [], first = 0): Set<number> | undefined {
  const out = new Set<number>();
  for (const part of text.split(',')) {
    const [span = '', step = '1', more] = part.split('/');
    const by = Number(step);
    if (more !== undefined || !/^\d+$/.test(step) || by < 1) return undefined;
    let from = least;
    let until = most;
    if (span !== '*' && span !== '?') {
      const [a = '', b, c] = span.split('-');
      const low = number(a, names, first);
      const high = b === undefined ? (part.includes('/') ? most : low) : number(b, names, first);
      if (c !== undefined || low === undefined || high === undefined || low < least || high > most || low > high) return undefined;
      [from, until] = [low, high];
    }
    for (let n = from; n <= until; n += by) out.add(n);
  }
  return out;
}

function number(text: string, names: string[], first: number): number | undefined {
  const named = names.indexOf(text.toUpperCase());
  if (named >= 0) return named + first;
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

const minute = 60_000;
/** horizon is how far ahead is looked: a day that there is only in leap years may be eight years away. */
const horizon = 366 * 9;

/** nextTimes are the next times at which an expression is due, after a moment. */
export function nextTimes(c: Cron, after: number, count: number): Date[] {
  const out: Date[] = [];
  const at = new Date((Math.floor(after / minute) + 1) * minute);
  for (let day = 0; day < horizon && out.length < count; day++) {
    if (onDay(c, at)) {
      const date = at.getUTCDate();
      for (; at.getUTCDate() === date && out.length < count; at.setTime(at.getTime() + minute)) {
        if (!c.hours.has(at.getUTCHours())) at.setUTCMinutes(59);
        else if (c.minutes.has(at.getUTCMinutes())) out.push(new Date(at));
      }
      if (at.getUTCDate() !== date) continue;
    }
    at.setTime(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + 1));
  }
  return out;
}

function onDay(c: Cron, at: Date): boolean {
  if (!c.months.has(at.getUTCMonth() + 1)) return false;
  const month = c.daysOfMonth.has(at.getUTCDate());
  const week = c.daysOfWeek.has(at.getUTCDay());
  // As in UNIX: where both fields say something, either is enough.
  return c.anyDayOfMonth || c.anyDayOfWeek ? month && week : month || week;
}
