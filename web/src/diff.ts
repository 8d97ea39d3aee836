import { condition, infix, mutation } from './infix';
import { kindOfNode } from './nodes';
import type { Node, ThreadSpec, ThreadVarDef, WfSpec } from './types.gen';
import { kindOf, textOf, typeOf, typeText } from './values';

export type Change = 'added' | 'removed' | 'changed';

/** Difference is one thing that two versions do not have in common. */
export interface Difference {
  change: Change;
  thread: string;
  /** node it is about, by its name in the newer version, or in the older one if it was removed. */
  node?: string;
  what: string;
  more: string[];
}

/** Compared are two versions of a workflow. */
export interface Compared {
  differences: Difference[];
  /** nodes of a thread and what became of them; those that are the same are not there. */
  nodes: Map<string, Map<string, Change>>;
  /** renamed nodes: by thread and their name in the newer version, how they were called. */
  before: Map<string, Map<string, string>>;
  /** major says that what runs and callers see is different: the change raises the major version. */
  major: boolean;
}

/** compare finds what is different by what things mean, not by how they are written. */
export function compare(old: WfSpec, now: WfSpec): Compared {
  const out: Compared = { differences: [], nodes: new Map(), before: new Map(), major: false };
  for (const thread of [...new Set([...Object.keys(now.threadSpecs), ...Object.keys(old.threadSpecs)])].sort()) {
    const [a, b] = [old.threadSpecs[thread], now.threadSpecs[thread]];
    if (!a) out.differences.push({ change: 'added', thread, what: `thread ${thread}`, more: [] });
    if (!b) out.differences.push({ change: 'removed', thread, what: `thread ${thread}`, more: [] });
    compareThreads(thread, a ?? nothing, b ?? nothing, out);
    if (thread === now.entrypointThreadName && a && b && surface(a) !== surface(b)) out.major = true;
  }
  const kept = (w: WfSpec): string => w.retentionPolicy?.secondsAfterWfTermination ?? 'for ever';
  if (kept(old) !== kept(now)) out.differences.push({ change: 'changed', thread: '', what: 'how long runs are kept', more: [`${kept(old)} → ${kept(now)}`] });
  return out;
}

const nothing: ThreadSpec = { nodes: {}, variableDefs: [], interruptDefs: [] };

/** surface is what callers and child workflows see of a thread: its required, searchable and public variables. */
const surface = (t: ThreadSpec): string =>
  t.variableDefs
    .filter((d) => d.required || d.searchable || d.accessLevel !== 'PRIVATE_VAR')
    .map((d) => `${d.varDef?.name} ${variableText(d)}`)
    .sort()
    .join('\n');

function variableText(d: ThreadVarDef): string {
  const preset = d.varDef?.defaultValue;
  return [
    typeText(typeOf(d.varDef)),
    d.required ? 'required' : '',
    d.searchable ? 'searchable' : '',
    typeOf(d.varDef).masked ? 'masked' : '',
    d.accessLevel === 'PRIVATE_VAR' ? '' : d.accessLevel.toLowerCase().replace('_var', ''),
    preset && kindOf(preset) !== 'NULL' ? `default ${textOf(preset)}` : '',
  ]
    .filter(Boolean)
    .join(', ');
}

function compareThreads(thread: string, a: ThreadSpec, b: ThreadSpec, out: Compared): void {
  named(
    new Map(a.variableDefs.map((d) => [d.varDef?.name ?? '', variableText(d)])),
    new Map(b.variableDefs.map((d) => [d.varDef?.name ?? '', variableText(d)])),
    (change, name, more) => out.differences.push({ change, thread, what: `variable ${name}`, more }),
  );
  named(
    new Map(a.interruptDefs.map((i) => [i.externalEventDefId?.name ?? '', i.handlerSpecName])),
    new Map(b.interruptDefs.map((i) => [i.externalEventDefId?.name ?? '', i.handlerSpecName])),
    (change, name, more) => out.differences.push({ change, thread, what: `interrupt by ${name}`, more }),
  );
  const twin = match(a, b);
  const marks = new Map<string, Change>();
  const before = new Map<string, string>();
  for (const [name, node] of Object.entries(b.nodes)) {
    const old = twin.get(name);
    if (old === undefined) {
      marks.set(name, 'added');
      out.differences.push({ change: 'added', thread, node: name, what: title(node, name), more: [] });
      continue;
    }
    if (old !== name) before.set(name, old);
    const more = lines(a.nodes[old]!, node, (sink) => [...twin].find(([, o]) => o === sink)?.[0] ?? sink);
    if (more.length === 0) continue;
    marks.set(name, 'changed');
    out.differences.push({ change: 'changed', thread, node: name, what: title(node, name), more });
  }
  const matched = new Set(twin.values());
  for (const [name, node] of Object.entries(a.nodes)) {
    if (matched.has(name)) continue;
    marks.set(name, 'removed');
    out.differences.push({ change: 'removed', thread, node: name, what: title(node, name), more: [] });
  }
  out.nodes.set(thread, marks);
  out.before.set(thread, before);
}

function named(a: Map<string, string>, b: Map<string, string>, tell: (change: Change, name: string, more: string[]) => void): void {
  for (const name of [...new Set([...b.keys(), ...a.keys()])]) {
    const [old, now] = [a.get(name), b.get(name)];
    if (old === undefined) tell('added', name, [now ?? '']);
    else if (now === undefined) tell('removed', name, [old]);
    else if (old !== now) tell('changed', name, [`${old} → ${now}`]);
  }
}

const title = (n: Node, name: string): string => {
  const { word, about } = kindOfNode(n);
  return about ? `${word} ${about}` : `${word} (${name})`;
};

/** essence is what a node does, without where it leads and what SDKs call it. */
const essence = (n: Node): string => {
  const { outgoingEdges: _, ...rest } = n;
  return JSON.stringify(rest);
};

const sort = (n: Node): string => {
  const { word, about } = kindOfNode({ ...n, outgoingEdges: [] });
  return `${word} ${about}`;
};

/** match finds for each node of the newer version which one it was: by name where the kind is the same, then by what it does, then by its kind. */
function match(a: ThreadSpec, b: ThreadSpec): Map<string, string> {
  const out = new Map<string, string>();
  const free = new Set(Object.keys(a.nodes));
  const take = (same: (old: string, now: string) => boolean): void => {
    for (const now of Object.keys(b.nodes)) {
      if (out.has(now)) continue;
      const old = [...free].find((o) => same(o, now));
      if (old === undefined) continue;
      free.delete(old);
      out.set(now, old);
    }
  };
  take((o, n) => o === n && sort(a.nodes[o]!) === sort(b.nodes[n]!));
  take((o, n) => essence(a.nodes[o]!) === essence(b.nodes[n]!) && ways(a.nodes[o]!) === ways(b.nodes[n]!));
  take((o, n) => sort(a.nodes[o]!) === sort(b.nodes[n]!));
  return out;
}

const ways = (n: Node): string => n.outgoingEdges.map((e) => `${condition(e)} ${e.variableMutations.map(mutation).join()}`).join('\n');

/** lines say what of a node is different. */
function lines(a: Node, b: Node, renamed: (sink: string) => string): string[] {
  const out: string[] = [];
  const told = new Set<string>();
  const tell = (what: string, old: string, now: string): void => {
    if (old === now || told.has(what)) return;
    told.add(what);
    out.push(`${what}: ${old || 'none'} → ${now || 'none'}`);
  };
  if (a.task || b.task) {
    tell('retries', String(a.task?.retries ?? 0), String(b.task?.retries ?? 0));
    tell('timeout', seconds(a.task?.timeoutSeconds), seconds(b.task?.timeoutSeconds));
    tell('inputs', (a.task?.variables ?? []).map((v) => infix(v)).join(', '), (b.task?.variables ?? []).map((v) => infix(v)).join(', '));
  }
  tell('timeout', infixOrNone(a.externalEvent?.timeoutSeconds), infixOrNone(b.externalEvent?.timeoutSeconds));
  tell('form', formText(a), formText(b));
  tell('handlers', handlers(a), handlers(b));
  const leads = (n: Node, by: (s: string) => string): string => n.outgoingEdges.map((e) => `${condition(e) ? `if ${condition(e)} ` : ''}to ${by(e.sinkNodeName)}`).join(', ');
  tell('leads', leads(a, renamed), leads(b, (s) => s));
  tell('sets', a.outgoingEdges.flatMap((e) => e.variableMutations.map(mutation)).join(', '), b.outgoingEdges.flatMap((e) => e.variableMutations.map(mutation)).join(', '));
  if (out.length === 0 && essence(a) !== essence(b)) out.push('its definition');
  return out;
}

const seconds = (s: number | undefined): string => (s === undefined ? '' : `${s} s`);
const infixOrNone = (a: Parameters<typeof infix>[0]): string => (a ? infix(a) : '');
const formText = (n: Node): string => (n.userTask ? `${n.userTask.userTaskDefName} ${n.userTask.userTaskDefVersion ?? ''}` : '');
const handlers = (n: Node): string => n.failureHandlers.map((h) => `${h.specificFailure ?? h.anyFailureOfType ?? 'any failure'} by ${h.handlerSpecName}`).join(', ');

/** merged is a thread with the nodes of both versions: those that were removed hang where they were. */
export function merged(a: ThreadSpec | undefined, b: ThreadSpec | undefined, marks: Map<string, Change>): ThreadSpec {
  const now = b ?? a ?? nothing;
  if (!a || !b) return now;
  const nodes: Record<string, Node> = {};
  for (const [name, node] of Object.entries(b.nodes)) nodes[name] = node;
  for (const [name, change] of marks) {
    const old = a.nodes[name];
    if (change !== 'removed' || !old) continue;
    nodes[nodes[name] ? `${name} (before)` : name] = old;
  }
  return { ...now, nodes };
}
