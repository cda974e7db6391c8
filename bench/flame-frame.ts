/** Merges a profile's equal calls into frames, each below its caller. */
import { type CpuProfile, ProfileError, type ProfileNode } from './cpu-profile.js';

/** The origin of a frame's code. */
export const Origin = {
  /** This package's. */
  Own: 'vtep',
  /** JavaScript inside Node. */
  Node: 'node',
  Wasm: 'wasm',
  /** Not JavaScript: V8's own, its garbage collector, addons, the system. */
  Native: 'native',
  /** Any other JavaScript: packages, the profiled program. */
  Other: 'other scripts',
} as const;
export type Origin = (typeof Origin)[keyof typeof Origin];

/** A frame of a flame graph. */
export interface FlameFrame {
  readonly name: string;
  /** File and line, without a folder; empty if unknown. */
  readonly location: string;
  /** Undefined for merged frames. */
  readonly origin: Origin | undefined;
  /** Number of frames above it. */
  readonly depth: number;
  /** Samples to its left. */
  readonly start: number;
  /** Samples of it and of its callees. */
  readonly samples: number;
}

/** Share of all samples that a frame needs to be shown separately. */
export const NARROWEST = 0.003;
/** Maximum depth shown; recursion may go deeper. */
export const DEEPEST = 64;

const IDLE = '(idle)';
const MERGED = '…';

/** A function by call path, merged over V8's nodes; callees are in order of first appearance. */
interface Call {
  readonly name: string;
  readonly location: string;
  readonly origin: Origin | undefined;
  readonly caller: Call | undefined;
  samples: number;
  readonly calls: Map<string, Call>;
}

/** The part after the last slash: folders of the machine are never shown. */
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
  const location = file === '' || lineNumber < 0 ? file : `${file}:${lineNumber + 1}`;
  const name = functionName === '' ? '(anonymous)' : baseName(functionName);
  return { name, location, origin: originOf(url), caller, samples: 0, calls: new Map() };
}

/** The caller's call of the same function, or a new one. */
function sameCall(caller: Call, node: ProfileNode): Call {
  const { functionName, url, lineNumber } = node.callFrame;
  const key = JSON.stringify([functionName, url, lineNumber]);
  const known = caller.calls.get(key);
  if (known !== undefined) return known;
  const call = callOf(node, caller);
  caller.calls.set(key, call);
  return call;
}

/** Samples of each node itself. Idle ones are not work and don't count. */
function countSamples({ nodes, samples }: CpuProfile): Map<ProfileNode, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  if (byId.size !== nodes.length) throw new ProfileError('not a CPU profile: two nodes have the same id');
  const counts = new Map<ProfileNode, number>();
  for (const id of samples) {
    const node = byId.get(id);
    if (node === undefined)
      throw new ProfileError(`not a CPU profile: a sample refers to node ${id}, which does not exist`);
    if (node.callFrame.functionName !== IDLE) counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  return counts;
}

/** Nodes without a caller. Rejects a node with two callers, since then it is not a tree. */
function outermost({ nodes }: CpuProfile): ProfileNode[] {
  const called = new Set<number>();
  for (const id of nodes.flatMap(({ children }) => children ?? [])) {
    if (called.has(id)) throw new ProfileError(`not a CPU profile: node ${id} has two callers`);
    called.add(id);
  }
  return nodes.filter(({ id }) => !called.has(id));
}

/** Merges the calls below one root; undefined if no function is called `focus`. */
function callTree(profile: CpuProfile, focus: string | undefined): Call | undefined {
  const counts = countSamples(profile);
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const all: Call = { name: 'all', location: '', origin: undefined, caller: undefined, samples: 0, calls: new Map() };
  let top = focus === undefined ? all : undefined;
  const visited = new Set<Call>();
  let counted = 0;
  // Iterative: a broken profile may be deeper than the stack.
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
      visited.add(call);
    }
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child !== undefined) open.push([child, call]);
    }
  }
  if (counted !== counts.size) throw new ProfileError('not a CPU profile: its call tree has a cycle');
  // Callers appear before their callees.
  for (const call of [...visited].reverse()) if (call.caller !== undefined) call.caller.samples += call.samples;
  return top;
}

/** Frames of a call's callees: the widest first, those that are too narrow merged if the result is wide enough. */
function callsOf(call: Call, depth: number, start: number, narrowest: number): [FlameFrame, Call | undefined][] {
  let at = start;
  const frame = ({ name, location, origin, samples }: Omit<FlameFrame, 'depth' | 'start'>): FlameFrame => {
    at += samples;
    return { name, location, origin, samples, depth, start: at - samples };
  };
  const sorted = [...call.calls.values()].sort((a, b) => b.samples - a.samples);
  const wide = sorted.filter(({ samples }) => samples > 0 && samples >= narrowest);
  const frames = wide.map((one): [FlameFrame, Call] => [frame(one), one]);
  const narrow = sorted.slice(wide.length);
  const samples = narrow.reduce((sum, one) => sum + one.samples, 0);
  if (samples === 0 || samples < narrowest) return frames;
  const merged = { name: MERGED, location: `${narrow.length} narrow frames`, origin: undefined, samples };
  return [...frames, [frame(merged), undefined]];
}

/**
 * A profile's frames, callers before callees; the first one is as wide as all counted samples.
 * @param focus function name: show only this function and its callees
 * @throws ProfileError if nodes and samples are inconsistent, or no sample is below `focus`
 */
export function flameFrames(profile: CpuProfile, focus?: string): FlameFrame[] {
  const top = callTree(profile, focus);
  if (top === undefined || top.samples === 0) {
    throw new ProfileError(focus === undefined ? 'all samples are idle' : `no sample is in a function ${focus}`);
  }
  const { name, location, origin, samples } = top;
  const frames: FlameFrame[] = [];
  const open: [FlameFrame, Call | undefined][] = [[{ name, location, origin, samples, depth: 0, start: 0 }, top]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [frame, call] = next;
    frames.push(frame);
    if (call === undefined || frame.depth + 1 >= DEEPEST) continue;
    open.push(...callsOf(call, frame.depth + 1, frame.start, samples * NARROWEST).reverse());
  }
  return frames;
}
