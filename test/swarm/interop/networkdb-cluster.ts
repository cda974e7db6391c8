/** Clusters with members of NetworkDB, and their tables. */
import { type InteropCluster, knowEachOther, untilEntries, untilNodes } from './interop-cluster.js';
import { base64, type InteropMember, type MemberKind } from './interop-member.js';

/** The network of all. */
export const NETWORK = 'r0yqus78gwe90z4dmog6y22cv';
/** The table of all. */
export const PEERS = 'overlay_peer_table';

/** A value of its own: more than ASCII, and longer than what MessagePack writes with one byte. */
export function valueOf(text: string): Uint8Array {
  return Uint8Array.from([0, 255, 10, ...Buffer.from(text.padEnd(40, '.'))]);
}

/** Entries as members report them. */
export function values(...texts: readonly (readonly [key: string, text: string])[]): Record<string, string> {
  return Object.fromEntries(texts.map(([key, text]) => [key, base64(valueOf(text))]));
}

/** A key whose value is made of it. */
export function pair(text: string): readonly [string, string] {
  return [text, text];
}

/** Names for members of these kinds: aaaaaaaaaaaa and so on. */
export function named(kinds: readonly MemberKind[]): (readonly [MemberKind, string])[] {
  return kinds.map((kind, index) => [kind, 'abc'[index].repeat(12)] as const);
}

/** Creates an entry of a member. */
export async function create(member: InteropMember, key: string, text = key): Promise<void> {
  await member.change('create', NETWORK, PEERS, key, valueOf(text));
}

/** Waits until all have exactly these entries. */
export async function allHave(members: readonly InteropMember[], wished: Record<string, string>): Promise<void> {
  await Promise.all(members.map((member) => untilEntries(member, NETWORK, PEERS, wished)));
}

/** Starts members that know each other and are on the network; the later ones join the first. */
export async function cluster(
  interop: InteropCluster,
  ...kinds: readonly (readonly [MemberKind, string])[]
): Promise<InteropMember[]> {
  const members: InteropMember[] = [];
  for (const [kind, name] of kinds) {
    const member = await interop.member(kind, name, members.length + 1);
    if (members.length > 0) await member.join(members[0]);
    members.push(member);
  }
  await knowEachOther(members);
  for (const member of members) await member.joinNetwork(NETWORK);
  const names = members.map(({ name }) => name);
  for (const member of members) await untilNodes(member, NETWORK, names);
  return members;
}
