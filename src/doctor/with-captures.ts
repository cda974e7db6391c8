/** Adds captures to what was read of each node. */
import type { CaptureEvidence } from './evidence/capture.js';
import { type Evidence, InputKind, type InputSummary, type NodeEvidence } from './evidence/evidence.js';

/** A capture, and the node that it was taken on. */
export interface ExaminedCapture {
  /** Name that the user gave; undefined without. */
  readonly node: string | undefined;
  readonly evidence: CaptureEvidence;
  /** Of its file, or the first one. */
  readonly summary: InputSummary;
  /** Of the other files of a capture in several files, in order. */
  readonly continued?: readonly InputSummary[];
}

/** A capture file as the user named it. */
export interface CaptureFile {
  readonly path: string;
  /** Name of the node that the user gave; undefined without. */
  readonly node: string | undefined;
}

/**
 * What an exam found, under the names that the user gave.
 * @param files the files of the capture in the order in which they were examined
 */
export function examinedCapture(
  files: readonly [CaptureFile, ...CaptureFile[]],
  found: CaptureEvidence,
): ExaminedCapture {
  const [{ path, node }] = files;
  const named = found.files?.map((file, i) => ({ ...file, name: files[i]?.path ?? file.name }));
  const evidence: CaptureEvidence = { ...found, file: path, ...(named !== undefined && { files: named }) };
  const [summary, ...continued] = (named ?? [{ ...found, name: path }]).map(
    ({ name, firstSeconds, damage }, i): InputSummary => ({
      file: name,
      node: node ?? '',
      kinds: [InputKind.Capture],
      warnings: damage === undefined ? [] : [damage],
      seconds: firstSeconds,
      ...(i > 0 && { continues: files[i - 1].path }),
    }),
  );
  return { node, evidence, summary, ...(continued.length > 0 && { continued }) };
}

const NO_EVIDENCE: Omit<NodeEvidence, 'name' | 'captures'> = {
  addresses: [],
  has: new Set([InputKind.Capture]),
  sas: [],
  policies: [],
  xfrmCounters: [],
  links: [],
  fdb: [],
  neighbours: [],
  offloads: [],
  rules: [],
  connections: [],
  virtualServers: [],
  networks: [],
  services: [],
  engines: [],
  log: [],
  status: undefined,
};

/**
 * The node that a capture is of: the one that the user gave, or the known one that its file is called like, as `node1.wire.pcap`
 * is.
 */
function nodeOf({ node, summary: { file } }: ExaminedCapture, known: readonly string[]): string | undefined {
  if (node !== undefined) return node;
  const name = file.slice(file.lastIndexOf('/') + 1);
  return known.find((one) => name.startsWith(`${one}.`));
}

/**
 * The evidence of texts and captures. A capture whose node is known by name is with that node's other evidence; any other is of a
 * node without a name. Gossip is that of the capture with most of it.
 */
export function withCaptures(
  read: { readonly nodes: readonly NodeEvidence[]; readonly inputs: readonly InputSummary[] },
  examined: readonly ExaminedCapture[],
): Evidence {
  // Of `web` and `web.example.com`, the longer is meant.
  const names = read.nodes.flatMap(({ name }) => (name === '' ? [] : [name])).sort((a, b) => b.length - a.length);
  const captures = examined.map((one) => {
    const node = nodeOf(one, names);
    return {
      ...one,
      node,
      summary: { ...one.summary, node: node ?? '' },
      continued: one.continued?.map((summary) => ({ ...summary, node: node ?? '' })) ?? [],
    };
  });
  const byNode = new Map<string, CaptureEvidence[]>();
  for (const { node, evidence } of captures) {
    if (node !== undefined) byNode.set(node, [...(byNode.get(node) ?? []), evidence]);
  }
  const known = read.nodes.map((node): NodeEvidence => {
    const own = node.name === '' ? undefined : byNode.get(node.name);
    if (own === undefined) return node;
    byNode.delete(node.name);
    return { ...node, captures: [...node.captures, ...own], has: new Set([...node.has, InputKind.Capture]) };
  });
  const named = [...byNode].map(([name, own]): NodeEvidence => ({ ...NO_EVIDENCE, name, captures: own }));
  const unnamed = captures
    .filter(({ node }) => node === undefined)
    .map(({ evidence }): NodeEvidence => ({ ...NO_EVIDENCE, name: '', captures: [evidence] }));
  const gossip = captures
    .flatMap(({ evidence: { survey } }) => (survey.gossip === null ? [] : [survey.gossip]))
    .sort((a, b) => b.members.length - a.members.length);
  return {
    nodes: [...known, ...named, ...unnamed],
    inputs: [...read.inputs, ...captures.flatMap(({ summary, continued }) => [summary, ...continued])],
    gossip: gossip.at(0) ?? null,
  };
}
