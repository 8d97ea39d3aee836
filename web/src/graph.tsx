import '@xyflow/react/dist/style.css';
import {
  Background,
  BaseEdge,
  ControlButton,
  Controls,
  type Edge,
  EdgeLabelRenderer,
  type EdgeProps,
  getSmoothStepPath,
  getViewportForBounds,
  Handle,
  MiniMap,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  type ReactFlowInstance,
  useReactFlow,
} from '@xyflow/react';
import { type KeyboardEvent, type ReactElement, startTransition, useMemo, useRef, useState } from 'react';
import { Fold } from './fold';
import { follow } from './follow';
import { icons } from './icons';
import type { Run } from './layout';
import { useScene } from './layouts';
import { kindOfNode, shortName } from './nodes';
import { save } from './save';
import type { Laid } from './scene';
import { type Look, lookOf, type Tone } from './status';
import type { Due, Visited } from './steps';
import { svgOf } from './svg';
import { type Cause, defined, type Start, whenOf } from './threads';
import { agoText } from './times';
import type { LHStatus, ThreadSpec, WfSpec } from './types.gen';
import { useNow } from './ui';
import { along, below, type Into, into, stem, stemAt } from './ways';

/** Remark is what is told of a node beside its definition. */
export interface Remark {
  tone: Tone;
  text: string;
  spoken: string;
}

/** Folding is how threads of a kind are drawn, and how that is turned. */
export interface Folding {
  open: boolean;
  turn: () => void;
}

/** Lane is a thread on the canvas. */
export interface Lane {
  id: string;
  thread: ThreadSpec;
  depth: number;
  /** title of one of several lanes. */
  title?: string;
  looks?: { look: Look; times: number }[];
  /** fold draws several threads as one lane, or each as its own. */
  fold?: Folding | undefined;
  /** starts are what let it begin. */
  starts?: Start[];
  /** remarks on nodes of a definition: how much goes through them, or what became of them. */
  remarks?: Map<string, Remark> | undefined;
  /** of a run; without it the graph is that of a definition. */
  visited?: Map<string, Visited>;
  /** pairs of nodes that were passed one after the other, as "from\nto". */
  passed?: Set<string>;
}

export interface Place {
  lane: string;
  node: string;
}

interface Props {
  /** name of the picture when it is saved. */
  name: string;
  /** of is what the lanes are made from: as long as it is the same they are laid out as they are. */
  of: string;
  lanes: Lane[];
  chosen: Place | undefined;
  /** focus is the node at which something happens. */
  focus?: Place | undefined;
  choose: (at: Place | undefined) => void;
}

type Step = Node<{ word: string; about: string; icon: keyof typeof icons; round: boolean; small: boolean; visited: Visited | undefined; faded: boolean; name: string; remark: Remark | undefined }, 'step'>;
type Band = Node<{ title: string; when: string; looks: { look: Look; times: number }[]; fold: Folding | undefined }, 'lane'>;
type Way = Edge<{ label: string; back: boolean; passed: boolean; low: number; starts?: Cause | undefined; stem: boolean; into?: Into; run?: Run | undefined }, 'way'>;

const idOf = (at: Place): string => `${at.lane}|${at.node}`;
const placeOf = (id: string): Place => ({ lane: id.slice(0, id.indexOf('|')), node: id.slice(id.indexOf('|') + 1) });

function LaneNode({ data }: NodeProps<Band>): ReactElement {
  return (
    <div className="lane">
      <div className="row tight">
        <strong className="small">{data.title}</strong>
        {data.when && <span className="small soft">{data.when}</span>}
        {data.looks.map(({ look, times }) => (
          <span key={look.word} className={`badge ${look.tone}`}>
            {icons[look.icon]}
            {times > 1 ? `${times} ${look.word}` : look.word}
          </span>
        ))}
        {data.fold && (
          <button type="button" className="button nopan" aria-expanded={data.fold.open} onClick={data.fold.turn}>
            {data.fold.open ? 'As one' : 'Each by itself'}
          </button>
        )}
      </div>
      <Handle type="source" position={Position.Bottom} isConnectable={false} style={{ left: stemAt }} />
    </div>
  );
}

/** causes are how ways are drawn that let a thread begin. */
const causes: Record<Cause, string> = { child: 'var(--accent)', handler: 'var(--bad)', interrupt: 'var(--warn)' };

const colorOf = (w: NonNullable<Way['data']>): string => (w.starts ? causes[w.starts] : w.passed ? 'var(--accent)' : 'var(--line-strong)');

/** dueText says when a timer ends, as seen from now. */
const dueText = (of: Due, now: number): string => `${of.what} ${agoText(of.at, now)}`;

/** Timer is what happens to a node next: it moves on with the time. */
function Timer({ of }: { of: Due }): ReactElement {
  const now = useNow();
  return <span className="kind clip due">{dueText(of, now)}</span>;
}

function StepNode({ data }: NodeProps<Step>): ReactElement {
  const look = data.visited && lookOf(data.visited.status);
  const title = data.about || shortName(data.name);
  return (
    <div className={`node ${look?.tone ?? data.remark?.tone ?? ''} ${data.round ? 'round' : ''} ${data.small ? 'small' : ''} ${data.faded ? 'faded' : ''}`} title={`${data.name}: ${data.word} ${data.about}`}>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <span className="icon">{icons[data.icon]}</span>
      {data.round && data.visited && data.visited.times > 1 && <span className="count">× {data.visited.times}</span>}
      {data.round && data.remark && <span className="count">{data.remark.text}</span>}
      {!data.round && (
        <>
          <span className="stack" style={{ gap: 1 }}>
            <span className="name clip">{title}</span>
            <span className="kind clip">{data.visited?.waits || data.word}</span>
            {data.visited?.due && <Timer of={data.visited.due} />}
          </span>
          <span className="mark">
            {look && icons[look.icon]}
            {data.remark?.text}
            {data.visited && (data.visited.attempts > 1 ? `${data.visited.attempts} tries` : data.visited.times > 1 ? `× ${data.visited.times}` : data.visited.span)}
          </span>
        </>
      )}
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
}

function WayEdge(p: EdgeProps<Way>): ReactElement {
  const data = p.data ?? { label: '', back: false, passed: false, low: 0, stem: false };
  const { label, back, passed, low, starts } = data;
  const [path, x, y] = data.stem ? stem(p) : data.into ? into(p, data.into) : back ? below(p, low) : data.run ? along(p, data.run) : getSmoothStepPath({ ...p, borderRadius: 18 });
  const style = { stroke: colorOf(data), strokeWidth: passed || starts ? 2.5 : 1.5, strokeDasharray: back ? '6 4' : starts ? '2 5' : undefined };
  return (
    <>
      <BaseEdge id={p.id} path={path} style={style} {...(p.markerEnd ? { markerEnd: p.markerEnd } : {})} />
      {label && (
        <EdgeLabelRenderer>
          <div className="edge-label" title={label} style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}>
            {label}
          </div>
        </EdgeLabelRenderer>
      )}
    </>
  );
}

/** legible is the smallest scale at which names can be read. */
const legible = 0.72;

const least = 0.05;
const most = 1.05;

/** show fits the whole graph in, or if it is too large for that, begins where something happens. What is not seen then is never drawn on the way. */
async function show(flow: ReactFlowInstance<Step | Band, Way>, box: HTMLElement, laid: Laid[], at: Place | undefined): Promise<void> {
  const whole = getViewportForBounds(flow.getNodesBounds(flow.getNodes()), box.clientWidth, box.clientHeight, least, most, 0.08);
  if (whole.zoom >= legible) {
    await flow.setViewport(whole);
    return;
  }
  const lane = laid.find((l) => l.id === at?.lane) ?? laid[0];
  const node = lane?.places.find((p) => p.name === at?.node) ?? lane?.places[0];
  if (node) await flow.setCenter(node.x + node.width / 2 + (at ? 0 : 240), node.y + node.height / 2, { zoom: 0.85 });
}

const nodeTypes = { step: StepNode, lane: LaneNode };
const edgeTypes = { way: WayEdge };
const many = 30;

function spokenOf(v: Visited | undefined, inRun: boolean, remark: Remark | undefined): string {
  if (!v) return inRun ? ', not reached' : remark ? `, ${remark.spoken}` : '';
  return `, ${lookOf(v.status).word}${v.times > 1 ? `, ${v.times} times` : ''}${v.attempts > 1 ? `, ${v.attempts} attempts` : ''}${v.waits ? `, ${v.waits}` : ''}${v.due ? `, ${v.due.what} at ${new Date(v.due.at).toLocaleString()}` : ''}`;
}

function nodesOf(laid: Laid[], lanes: Lane[], chosen: Place | undefined): (Step | Band)[] {
  const byId = new Map(lanes.map((l) => [l.id, l]));
  return laid.flatMap((box) => {
    const lane = byId.get(box.id);
    if (!lane) return [];
    const steps = box.places.flatMap((at): (Step | Band)[] => {
      const node = lane.thread.nodes[at.name];
      if (!node) return [];
      const { word, about, icon } = kindOfNode(node);
      const v = lane.visited?.get(at.name);
      const remark = lane.remarks?.get(at.name);
      return [
        {
          id: idOf({ lane: box.id, node: at.name }),
          type: 'step',
          position: { x: at.x, y: at.y },
          width: at.width,
          height: at.height,
          zIndex: 1,
          data: { word, about, icon, name: at.name, round: at.width === at.height, small: at.width < 50, visited: v, faded: lane.visited !== undefined && v === undefined, remark },
          selected: chosen?.lane === box.id && chosen.node === at.name,
          ariaLabel: `${word} ${about || shortName(at.name)}${spokenOf(v, lane.visited !== undefined, remark)}${lane.title ? `, ${lane.title}` : ''}`,
          domAttributes: { 'data-node': at.name } as object,
        },
      ];
    });
    if (!lane.title) return steps;
    const band: Band = {
      id: box.id,
      type: 'lane',
      position: { x: box.x, y: box.y },
      width: box.width,
      height: box.height,
      zIndex: -1,
      selectable: false,
      focusable: false,
      data: { title: lane.title, when: whenOf(lane.starts ?? []), looks: lane.looks ?? [], fold: lane.fold },
    };
    return [band, ...steps];
  });
}

function edgesOf(laid: Laid[], lanes: Lane[]): Way[] {
  const byId = new Map(lanes.map((l) => [l.id, l]));
  const out: Way[] = [];
  for (const box of laid) {
    const lane = byId.get(box.id);
    if (!lane) continue;
    let loops = 0;
    const add = (from: string, to: string, data: NonNullable<Way['data']>): void => {
      out.push({
        id: `${out.length}`,
        type: 'way',
        source: from,
        target: to,
        focusable: false,
        ...(data.starts ? { className: data.starts } : {}),
        markerEnd: { type: 'arrowclosed' as never, color: colorOf(data) },
        data,
      });
    };
    for (const w of box.ways) {
      if (!lane.thread.nodes[w.to]) continue;
      const low = w.back ? box.low + 26 * loops++ : box.low;
      add(idOf({ lane: box.id, node: w.from }), idOf({ lane: box.id, node: w.to }), {
        label: w.label, back: w.back, passed: lane.passed?.has(`${w.from}\n${w.to}`) ?? false, low, stem: false, run: w.run,
      });
    }
    const entry = Object.keys(lane.thread.nodes).find((n) => lane.thread.nodes[n]?.entrypoint);
    for (const s of lane.starts ?? []) {
      if (!entry || !byId.has(s.lane)) continue;
      add(s.node === undefined ? s.lane : idOf({ lane: s.lane, node: s.node }), idOf({ lane: box.id, node: entry }), { label: '', back: false, passed: false, low: 0, starts: s.cause, stem: s.node === undefined, ...(s.node === undefined ? {} : { into: intoOf(box) }) });
    }
  }
  return out;
}

const intoOf = (box: Laid): Into => ({ gap: box.y - 18, beside: box.x - 14 });

/** headOf is how wide the words above a lane are, with one badge or two. */
const headOf = (l: Lane): number => (l.title === undefined ? 0 : 60 + 7 * (l.title.length + whenOf(l.starts ?? []).length) + (l.looks ? 110 * Math.min(2, l.looks.length) : 0) + (l.fold ? 120 : 0));

/** picture is what is drawn, as an SVG by itself. */
function picture(nodes: (Step | Band)[], edges: Way[]): string {
  const steps = nodes.filter((n): n is Step => n.type === 'step');
  const bands = nodes.filter((n): n is Band => n.type === 'lane');
  const boxOf = (n: Step | Band): { x: number; y: number; width: number; height: number } => ({ x: n.position.x, y: n.position.y, width: n.width ?? 0, height: n.height ?? 0 });
  return svgOf(
    steps.map((n) => ({
      id: n.id,
      ...boxOf(n),
      icon: n.data.icon,
      title: n.data.about || shortName(n.data.name),
      kind: (n.data.visited?.due && dueText(n.data.visited.due, Date.now())) || n.data.visited?.waits || n.data.word,
      mark: n.data.remark?.text ?? (n.data.visited && n.data.visited.times > 1 ? `× ${n.data.visited.times}` : (n.data.visited?.span ?? '')),
      tone: (n.data.visited && lookOf(n.data.visited.status).tone) ?? n.data.remark?.tone ?? '',
      faded: n.data.faded,
    })),
    edges.map((e) => ({ from: e.source, to: e.target, label: e.data?.label ?? '', back: e.data?.back ?? false, low: e.data?.low ?? 0, passed: e.data?.passed ?? false, starts: e.data?.starts, into: e.data?.into, run: e.data?.run })),
    bands.map((b) => ({ id: b.id, ...boxOf(b), title: [b.data.title, b.data.when].filter(Boolean).join(', ') })),
  );
}

const signs: [status: LHStatus, text: string][] = [
  ['COMPLETED', 'is done'],
  ['RUNNING', 'works or waits here'],
  ['HALTED', 'was stopped'],
  ['ERROR', 'has failed'],
];

/** Legend says what the signs of a graph mean. */
function Legend(): ReactElement {
  return (
    <Fold name="legend" className="legend" summary="button" title="Legend">
      <ul className="stack tight small" tabIndex={0} aria-label="Signs of the graph">
        {signs.map(([status, text]) => (
          <li key={status} className="row tight">
            <span className={`badge ${lookOf(status).tone}`}>
              {icons[lookOf(status).icon]}
              {lookOf(status).word}
            </span>
            {text}
          </li>
        ))}
        <li>
          <span className="legend-line dashed-box" /> not reached, or no run is looked at
        </li>
        <li>
          <span className="legend-line passed" /> the way that was taken
        </li>
        <li>
          <span className="legend-line back" /> back to what was done before: a loop
        </li>
        <li>
          <span className="legend-line starts" /> starts a thread or a run
        </li>
        <li>
          <span className="legend-line starts handler" /> to what handles a failure
        </li>
        <li>
          <span className="legend-line starts interrupt" /> to what an event interrupts it for
        </li>
        <li>
          <span className="tag">× 3</span> was passed three times
        </li>
        <li>
          <span className="tag">2 tries</span> attempts of its task
        </li>
      </ul>
    </Fold>
  );
}

/** Whole shows the graph at the size at which it is drawn. */
function Whole(): ReactElement {
  const { zoomTo } = useReactFlow();
  return (
    <ControlButton title="As large as it is" aria-label="Show at 100%" onClick={() => void zoomTo(1)}>
      <span className="percent">100%</span>
    </ControlButton>
  );
}

/** Canvas draws lanes of threads on one canvas. */
export function Canvas({ name, of, lanes, chosen, focus, choose }: Props): ReactElement {
  const laid = useScene(of, lanes.map((l) => ({ id: l.id, thread: l.thread, depth: l.depth, titled: l.title !== undefined, head: headOf(l) })));
  const nodes = useMemo(() => nodesOf(laid, lanes, chosen), [laid, lanes, chosen?.lane, chosen?.node]);
  const box = useRef<HTMLDivElement>(null);
  // The small map has all nodes: it is drawn when the others are seen.
  const [settled, settle] = useState(false);
  const edges = useMemo(() => edgesOf(laid, lanes), [laid, lanes]);
  // A thread of few branches is flat: the canvas need not be high.
  const high = Math.max(0, ...laid.map((b) => b.y + b.height));
  const lead = (e: KeyboardEvent<HTMLElement>): void => {
    const at = (e.target as HTMLElement).closest<HTMLElement>('.react-flow__node')?.dataset.id;
    const next = at && follow(edges.filter((w) => !w.data?.stem).map((w) => ({ source: w.source, target: w.target, back: w.data?.back ?? false })), at, e.key);
    if (!next) return;
    e.preventDefault();
    e.currentTarget.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(next)}"]`)?.focus();
  };
  const begin = async (flow: ReactFlowInstance<Step | Band, Way>): Promise<void> => {
    if (box.current) await show(flow, box.current, laid, chosen ?? focus);
    requestAnimationFrame(() => setTimeout(() => startTransition(() => settle(true))));
  };
  return (
    <div ref={box} className="canvas" style={{ maxHeight: Math.max(300, high * 1.05 + 110) }} onKeyDown={lead}>
      <ReactFlow<Step | Band, Way>
        key={of}
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        onNodesChange={(changes) => {
          const selected = changes.find((c) => c.type === 'select' && c.selected);
          if (selected?.type === 'select') choose(placeOf(selected.id));
        }}
        onNodeClick={(_, node) => node.type === 'step' && choose(placeOf(node.id))}
        onPaneClick={() => choose(undefined)}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        deleteKeyCode={null}
        onInit={(flow) => void begin(flow)}
        minZoom={least}
        onlyRenderVisibleElements={nodes.length > 150}
        aria-label="Graph of the workflow"
      >
        <Background gap={22} color="var(--line)" />
        <Controls showInteractive={false}>
          <Whole />
        </Controls>
        {settled && nodes.length > many && <MiniMap pannable zoomable ariaLabel="Small map of the graph" />}
      </ReactFlow>
      <div className="canvas-tools row tight">
        <button type="button" className="button" onClick={() => save(`${name}.svg`, 'image/svg+xml', picture(nodes, edges))}>
          Save as SVG
        </button>
        <Legend />
      </div>
    </div>
  );
}

interface OneProps {
  /** name of the picture when it is saved. */
  name: string;
  /** of names the thread and its version. */
  thread: ThreadSpec;
  remarks?: Map<string, Remark> | undefined;
  /** focus is the node that is seen first. */
  focus?: string | undefined;
  chosen: string | undefined;
  choose: (node: string | undefined) => void;
}

const numbers = new WeakMap<ThreadSpec, number>();
let given = 0;

/** Graph is the thread of a definition. */
export default function Graph({ name, thread, remarks, focus, chosen, choose }: OneProps): ReactElement {
  if (!numbers.has(thread)) numbers.set(thread, ++given);
  const lanes = useMemo(() => [{ id: '', thread, depth: 0, remarks }], [thread, remarks]);
  return <Canvas name={name} of={`definition ${numbers.get(thread)}`} lanes={lanes} chosen={chosen === undefined ? undefined : { lane: '', node: chosen }} focus={focus === undefined ? undefined : { lane: '', node: focus }} choose={(at) => choose(at?.node)} />;
}

interface AllProps {
  name: string;
  /** of names the version. */
  of: string;
  spec: WfSpec;
  remarks: (thread: string) => Map<string, Remark> | undefined;
  chosen: Place | undefined;
  choose: (at: Place | undefined) => void;
}

/** Threads are all those of a definition, with arrows to each from what lets it begin. */
export function Threads({ name, of, spec, remarks, chosen, choose }: AllProps): ReactElement {
  const lanes = useMemo(() => defined(spec).map((l) => ({ ...l, title: shortName(l.id), remarks: remarks(l.id) })), [spec, remarks]);
  return <Canvas name={name} of={`definition of all threads ${of}`} lanes={lanes} chosen={chosen} choose={choose} />;
}
