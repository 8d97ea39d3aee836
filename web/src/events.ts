/** Event is one of a stream of server-sent events. */
export interface Event {
  id: string;
  name: string;
  data: string;
}

/** Reader takes the events out of a stream that comes in pieces. Comments and fields that nobody knows are passed over. */
export class Reader {
  private rest = '';

  take(piece: string): Event[] {
    const blocks = (this.rest + piece).split('\n\n');
    this.rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => {
      const event: Event = { id: '', name: 'message', data: '' };
      for (const line of block.split('\n')) {
        const [, field, value = ''] = /^(\w+): ?(.*)$/.exec(line) ?? [];
        if (field === 'id') event.id = value;
        if (field === 'event') event.name = value;
        if (field === 'data') event.data += value;
      }
      return event.data === '' ? [] : [event];
    });
  }
}

/** oldest of positions; undefined if one is of another server than the others. */
export function oldest(positions: string[]): string | undefined {
  const parts = positions.map((p) => p.split('.'));
  if (parts.some(([server]) => server !== parts[0]?.[0])) return undefined;
  const numbers = parts.map(([, n = '']) => Number.parseInt(n, 36));
  return positions[numbers.indexOf(Math.min(...numbers))];
}
