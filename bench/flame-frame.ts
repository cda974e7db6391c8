/** A profile's calls, the same ones put together, as frames that stand below those that called them. */
import { type CpuProfile, ProfileError, type ProfileNode } from './cpu-profile.js';

/** Whose code a frame is. */
export const Origin = {
  /** This package's. */
  Own: 'vtep',
  /** JavaScript inside Node. */
  Node: 'node',
  Wasm: 'wasm',
  /** No JavaScript: V8's own, its garbage collector, addons, the system. */
  Native: 'native',
  /** Any other JavaScript: packages, the program that was profiled. */
  Other: 'other scripts',
} as const;
export type Origin = (typeof Origin)[keyof typeof Origin];

/** A frame of a flame graph. */
export interface FlameFrame {
  readonly name: string;
  /** File and line, without a folder; empty where there is none. */
  readonly place: string;
  /** Undefined where it stands for several. */
  readonly origin: Origin | undefined;
  /** How many frames stand over it. */
  readonly depth: number;
  /** Samples left of it. */
  readonly start: number;
  /** Samples that met it, or what it called. */
  readonly samples: number;
}

/** What share of all samples a frame needs to be one of its own. */
export const NARROWEST = 0.003;
/** How deep frames are told; recursion may go deeper. */
export const DEEPEST = 64;

const IDLE = '(idle)';
const MERGED = '…';

/** A function along one way, whichever of V8's nodes it is in; called ones stand in the order they were met. */
interface Call {
  readonly name: string;
  readonly place: string;
  readonly origin: Origin | undefined;
  readonly caller: Call | undefined;
  samples: number;
  readonly calls: Map<string, Call>;
}

/** What stands behind the last slash: no folder of the machine is ever told. */
function baseName(path: string): string {
  return path.replace(/^.*[\\/]/s, '');
}

function originOf(url: string): Origin {
  if (url === '') return Origin.Native;
  if (url.startsWith('wasm:')) return Origin.Wasm;
  if (url.startsWith('node:')) return Origin.Node;
  const own = /[\\/]dist[\\/](?:src|native-free)[\\/]/.test(url) && !/[\\/]node_modules[\\/]/.test(url);
  return own ? Origin.Own : Origin.Other;
}

function callOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode, caller: Call | undefined): Call {
  const file = baseName(url.replace(/^node:/, ''));
  const place = file === '' || lineNumber < 0 ? file : `${file}:${lineNumber + 1}`;
  const name = functionName === '' ? '(anonymous)' : baseName(functionName);
  return { name, place, origin: originOf(url), caller, samples: 0, calls: new Map() };
}

/** The call among its caller's that is the same function, or a new one. */
function sameCall(caller: Call, node: ProfileNode): Call {
  const { functionName, url, lineNumber } = node.callFrame;
  const key = JSON.stringify([functionName, url, lineNumber]);
  const known = caller.calls.get(key);
  if (known !== undefined) return known;
  const call = callOf(node, caller);
  caller.calls.set(key, call);
  return call;
}

/** How many samples met each node itself. Idle ones are no work and don't count. */
function countSamples({ nodes, samples }: CpuProfile): Map<ProfileNode, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  if (byId.size !== nodes.length) throw new ProfileError('no CPU profile: two nodes have the same id');
  const counts = new Map<ProfileNode, number>();
  for (const id of samples) {
    const node = byId.get(id);
    if (node === undefined) throw new ProfileError(`no CPU profile: a sample is of node ${id}, which is not there`);
    if (node.callFrame.functionName !== IDLE) counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  return counts;
}

/** Nodes that nobody calls. A node that two call makes it no tree. */
function outermost({ nodes }: CpuProfile): ProfileNode[] {
  const called = new Set<number>();
  for (const id of nodes.flatMap(({ children }) => children ?? [])) {
    if (called.has(id)) throw new ProfileError(`no CPU profile: node ${id} has two callers`);
    called.add(id);
  }
  return nodes.filter(({ id }) => !called.has(id));
}

/** Puts the calls together below one that stands for all of them; undefined if no function is called `focus`. */
function callTree(profile: CpuProfile, focus: string | undefined): Call | undefined {
  const counts = countSamples(profile);
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const all: Call = { name: 'all', place: '', origin: undefined, caller: undefined, samples: 0, calls: new Map() };
  let top = focus === undefined ? all : undefined;
  const met = new Set<Call>();
  let counted = 0;
  // Not by recursion: a broken profile may be deeper than the stack.
  const open: [node: ProfileNode, caller: Call | undefined][] = outermost(profile).map((node) => [node, top]);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [node, caller] = next;
    const { functionName } = node.callFrame;
    let call = caller === undefined || functionName === '(root)' ? caller : sameCall(caller, node);
    if (call === undefined && functionName === focus) call = top ??= callOf(node, undefined);
    const own = counts.get(node) ?? 0;
    if (own > 0) counted++;
    if (call !== undefined) {
      call.samples += own;
      met.add(call);
    }
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child !== undefined) open.push([child, call]);
    }
  }
  if (counted !== counts.size) throw new ProfileError('no CPU profile: its nodes call each other in a ring');
  // Callers were met before those that they call.
  for (const call of [...met].reverse()) if (call.caller !== undefined) call.caller.samples += call.samples;
  return top;
}

/** Frames of one call's own calls: the widest first, those that are too narrow put together where that makes one. */
function callsOf(call: Call, depth: number, start: number, narrowest: number): [FlameFrame, Call | undefined][] {
  let at = start;
  const frame = ({ name, place, origin, samples }: Omit<FlameFrame, 'depth' | 'start'>): FlameFrame => {
    at += samples;
    return { name, place, origin, samples, depth, start: at - samples };
  };
  const sorted = [...call.calls.values()].sort((a, b) => b.samples - a.samples);
  const wide = sorted.filter(({ samples }) => samples > 0 && samples >= narrowest);
  const frames = wide.map((one): [FlameFrame, Call] => [frame(one), one]);
  const narrow = sorted.slice(wide.length);
  const samples = narrow.reduce((sum, one) => sum + one.samples, 0);
  if (samples === 0 || samples < narrowest) return frames;
  const merged = { name: MERGED, place: `${narrow.length} narrow ones`, origin: undefined, samples };
  return [...frames, [frame(merged), undefined]];
}

/**
 * A profile's frames, callers before what they call; the first one is as wide as all samples that count.
 * @param focus name of a function: only what it is in, and below it
 * @throws ProfileError if nodes and samples don't fit together, or no sample is below `focus`
 */
export function flameFrames(profile: CpuProfile, focus?: string): FlameFrame[] {
  const top = callTree(profile, focus);
  if (top === undefined || top.samples === 0) {
    throw new ProfileError(focus === undefined ? 'no sample that is not idle' : `no sample is in a function ${focus}`);
  }
  const { name, place, origin, samples } = top;
  const frames: FlameFrame[] = [];
  const open: [FlameFrame, Call | undefined][] = [[{ name, place, origin, samples, depth: 0, start: 0 }, top]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [frame, call] = next;
    frames.push(frame);
    if (call === undefined || frame.depth + 1 >= DEEPEST) continue;
    open.push(...callsOf(call, frame.depth + 1, frame.start, samples * NARROWEST).reverse());
  }
  return frames;
}
