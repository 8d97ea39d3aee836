import { type Link, links, type Placed } from './layout';
import { edgeLabel } from './nodes';
import { place } from './place';
import type { ThreadSpec } from './types.gen';

/** Asked is a lane to be laid out. */
export interface Asked {
  id: string;
  thread: ThreadSpec;
  depth: number;
  titled: boolean;
  /** head is how wide the words above it are. */
  head?: number;
}

/** Laid is a lane with the places of its nodes on the canvas, and how low loops go below them. */
export interface Laid {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
  places: Placed[];
  ways: Link[];
  low: number;
}

const gap = 36;
const headed = 46;
const inset = 26;
const loop = 26;
/** label is half of how high the words on a way are. */
const label = 12;

/** sceneOf puts lanes below one another, those that were started by others further in. */
export function sceneOf(lanes: Asked[]): Laid[] {
  const out: Laid[] = [];
  let y = 0;
  for (const lane of lanes) {
    const ways = links(lane.thread, (from, i) => edgeLabel(lane.thread, from, i));
    const { places, runs } = place(lane.thread, ways);
    const back = ways.filter((w) => w.back).length;
    const x = lane.depth * 60 + (lane.titled ? inset : 0);
    const top = y + (lane.titled ? headed : 0);
    const wide = Math.max(0, ...places.map((p) => p.x + p.width));
    const high = Math.max(0, ...places.map((p) => p.y + p.height), ...runs.map((r) => (r ? r.y + label : 0)));
    const height = (lane.titled ? headed + inset : 0) + high + (back > 0 ? 44 + loop * back : 0);
    out.push({
      id: lane.id,
      x: lane.depth * 60,
      y,
      width: Math.max(wide + (lane.titled ? 2 * inset : 0), lane.head ?? 0),
      height,
      places: places.map((p) => ({ ...p, x: p.x + x, y: p.y + top })),
      ways: ways.map((w, i) => ({ ...w, run: runs[i] && { from: runs[i].from + x, to: runs[i].to + x, y: runs[i].y + top, label: runs[i].label + x } })),
      low: top + high,
    });
    y += height + gap;
  }
  return out;
}
