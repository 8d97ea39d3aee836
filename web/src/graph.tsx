import '@xyflow/react/dist/style.css';
import {
  Background,
  BaseEdge,
  Controls,
  type Edge,
  EdgeLabelRenderer,
  type EdgeProps,
  getSmoothStepPath,
  Handle,
  MiniMap,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  type ReactFlowInstance,
} from '@xyflow/react';
import { type ReactElement, useMemo } from 'react';
import { icons } from './icons';
import { links, type Placed, place } from './layout';
import { edgeLabel, kindOfNode, shortName } from './nodes';
import { lookOf } from './status';
import type { LHStatus, ThreadSpec } from './types.gen';

/** Visited is what became of a node in a run. */
export interface Visited {
  status: LHStatus;
  times: number;
  attempts: number;
  span: string;
  waits: string;
}

interface Props {
  thread: ThreadSpec;
  /** of a run; without it the graph is that of a definition. */
  visited?: Map<string, Visited>;
  /** pairs of nodes that were passed one after the other, as "from\nto". */
  passed?: Set<string>;
  chosen: string | undefined;
  /** focus is the node at which something happens. */
  focus?: string | undefined;
  choose: (node: string | undefined) => void;
}

type Step = Node<{ word: string; about: string; icon: keyof typeof icons; round: boolean; small: boolean; visited: Visited | undefined; faded: boolean }, 'step'>;
type Way = Edge<{ label: string; back: boolean; passed: boolean; low: number }, 'way'>;

function StepNode({ id, data }: NodeProps<Step>): ReactElement {
  const look = data.visited && lookOf(data.visited.status);
  const title = data.about || shortName(id);
  return (
    <div className={`node ${look?.tone ?? ''} ${data.round ? 'round' : ''} ${data.small ? 'small' : ''} ${data.faded ? 'faded' : ''}`} title={`${id}: ${data.word} ${data.about}`}>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <span className="icon">{icons[data.icon]}</span>
      {data.round && data.visited && data.visited.times > 1 && <span className="count">× {data.visited.times}</span>}
      {!data.round && (
        <>
          <span className="stack" style={{ gap: 1 }}>
            <span className="name clip">{title}</span>
            <span className="kind clip">{data.visited?.waits || data.word}</span>
          </span>
          <span className="mark">
            {look && icons[look.icon]}
            {data.visited && (data.visited.attempts > 1 ? `${data.visited.attempts} tries` : data.visited.times > 1 ? `× ${data.visited.times}` : data.visited.span)}
          </span>
        </>
      )}
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
}

function WayEdge(p: EdgeProps<Way>): ReactElement {
  const { label = '', back = false, passed = false, low = 0 } = p.data ?? {};
  const [path, x, y] = back ? below(p, low) : getSmoothStepPath({ ...p, borderRadius: 18 });
  const style = { stroke: passed ? 'var(--accent)' : 'var(--line-strong)', strokeWidth: passed ? 2.5 : 1.5, strokeDasharray: back ? '6 4' : undefined };
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

/** below is the way back of a loop, under all that it leads around. */
function below(p: EdgeProps<Way>, low: number): [string, number, number] {
  const { sourceX: x1, sourceY: y1, targetX: x2, targetY: y2 } = p;
  const y = low + 34;
  const r = 16;
  const path = `M ${x1} ${y1} h 10 q ${r} 0 ${r} ${r} V ${y - r} q 0 ${r} ${-r} ${r} H ${x2 - 10} q ${-r} 0 ${-r} ${-r} V ${y2 + r} q 0 ${-r} ${r} ${-r} h 10`;
  return [path, (x1 + x2) / 2, y];
}

/** legible is the smallest scale at which names can be read. */
const legible = 0.72;

/** show fits the whole graph in, or if it is too large for that, begins where something happens. */
async function show(flow: ReactFlowInstance<Step, Way>, places: Placed[], at: string | undefined): Promise<void> {
  await flow.fitView({ padding: 0.08, maxZoom: 1.05 });
  if (flow.getZoom() >= legible) return;
  const node = places.find((p) => p.name === at) ?? places[0];
  if (node) await flow.setCenter(node.x + node.width / 2 + (at ? 0 : 240), node.y + node.height / 2, { zoom: 0.85 });
}

const nodeTypes = { step: StepNode };
const edgeTypes = { way: WayEdge };
const many = 30;

export default function Graph({ thread, visited, passed, chosen, focus, choose }: Props): ReactElement {
  const laid = useMemo(() => {
    const ways = links(thread, (from, i) => edgeLabel(thread, from, i));
    return { ways, places: place(thread, ways) };
  }, [thread]);

  const nodes = useMemo<Step[]>(
    () =>
      laid.places.map((at) => {
        const node = thread.nodes[at.name]!;
        const { word, about, icon } = kindOfNode(node);
        const v = visited?.get(at.name);
        const spoken = v ? `, ${lookOf(v.status).word}${v.times > 1 ? `, ${v.times} times` : ''}${v.attempts > 1 ? `, ${v.attempts} attempts` : ''}` : visited ? ', not reached' : '';
        return {
          id: at.name,
          type: 'step',
          position: { x: at.x, y: at.y },
          width: at.width,
          height: at.height,
          data: { word, about, icon, round: at.width === at.height, small: at.width < 50, visited: v, faded: visited !== undefined && v === undefined },
          selected: at.name === chosen,
          ariaLabel: `${word} ${about || shortName(at.name)}${spoken}`,
          domAttributes: { 'data-node': at.name } as object,
        };
      }),
    [laid, thread, visited, chosen],
  );

  const edges = useMemo<Way[]>(() => {
    const low = Math.max(0, ...laid.places.map((p) => p.y + p.height));
    let loops = 0;
    return laid.ways
      .filter((w) => thread.nodes[w.to])
      .map((w, i) => ({
        id: `${i}`,
        type: 'way',
        source: w.from,
        target: w.to,
        focusable: false,
        markerEnd: { type: 'arrowclosed' as never, color: passed?.has(`${w.from}\n${w.to}`) ? 'var(--accent)' : 'var(--line-strong)' },
        data: { label: w.label, back: w.back, passed: passed?.has(`${w.from}\n${w.to}`) ?? false, low: w.back ? low + 26 * loops++ : low },
      }));
  }, [laid, thread, passed]);

  // A thread of few branches is flat: the canvas need not be high.
  const high = Math.max(0, ...laid.places.map((p) => p.y + p.height)) + 26 * laid.ways.filter((w) => w.back).length;
  return (
    <div className="canvas" style={{ maxHeight: Math.max(300, high * 1.05 + 110) }}>
      <ReactFlow<Step, Way>
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        onNodesChange={(changes) => {
          const selected = changes.find((c) => c.type === 'select' && c.selected);
          if (selected?.type === 'select') choose(selected.id);
        }}
        onNodeClick={(_, node) => choose(node.id)}
        onPaneClick={() => choose(undefined)}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        deleteKeyCode={null}
        onInit={(flow) => void show(flow, laid.places, chosen ?? focus)}
        minZoom={0.05}
        onlyRenderVisibleElements={nodes.length > 150}
        aria-label="Graph of the workflow"
      >
        <Background gap={22} color="var(--line)" />
        <Controls showInteractive={false} />
        {nodes.length > many && <MiniMap pannable zoomable ariaLabel="Small map of the graph" />}
      </ReactFlow>
    </div>
  );
}
