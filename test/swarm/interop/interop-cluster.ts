/** Members of several kinds, each in a network namespace of its own, on one wire. */
import { randomBytes } from 'node:crypto';
import { NamespaceBench } from '../../live/namespaces/namespace-bench.js';
import { type NetworkNamespace } from '../../live/namespaces/network-namespace.js';
import { InteropMember, type MemberKind } from './interop-member.js';
import { until } from './until.js';

const DEVICE = 'u0';
const TABLE = 'cut';
const KEY_BYTES = 16;

/** A new gossip key, of Swarm's length. */
export function gossipKey(): Uint8Array {
  return randomBytes(KEY_BYTES);
}

/** A cluster on a bridge; its nodes have the addresses 192.168.60.1 and following. */
export class InteropCluster {
  readonly #bench = new NamespaceBench();
  readonly #wire: NetworkNamespace;
  readonly #members: InteropMember[] = [];
  readonly #places = new Map<string, NetworkNamespace>();
  /** In Docker's order: the key to send with first, then the oldest and the newest. */
  readonly keys: Uint8Array[];

  /** @param keys number of keys; 0 for clear text */
  constructor(keys = 3) {
    this.keys = Array.from({ length: keys }, gossipKey);
    this.#wire = this.#bench.namespace('wire');
    this.#wire.ip('link add br0 type bridge');
    this.#wire.ip('link set br0 up');
  }

  /** Starts a member. At an address where one was before, that one has to have ended. */
  async member(kind: MemberKind, name: string, host: number, keys = this.keys): Promise<InteropMember> {
    const address = `192.168.60.${host}`;
    let namespace = this.#places.get(address);
    if (namespace === undefined) {
      namespace = this.#bench.namespace(`h${host}`);
      this.#places.set(address, namespace);
      const port = `p${host}`;
      this.#bench.link(namespace, { device: DEVICE, addresses: [`${address}/24`] }, this.#wire, { device: port });
      this.#wire.ip(`link set ${port} master br0`);
    }
    const member = new InteropMember(kind, name, address, namespace);
    this.#members.push(member);
    await member.start(keys);
    return member;
  }

  /** Drops what arrives at a member from these, or from all. */
  cut(member: InteropMember, from: readonly InteropMember[] = []): void {
    const sources = from.length === 0 ? ['iifname u0'] : from.map(({ address }) => `ip saddr ${address}`);
    const rules = sources.map((source) => `${source} drop`).join('\n');
    member.namespace.call(
      ['nft', '-f', '-'],
      `table inet ${TABLE} {\nchain in {\ntype filter hook input priority 0;\n${rules}\n}\n}\n`,
    );
  }

  /** Cuts a member off, in both directions. */
  isolate(member: InteropMember): void {
    this.cut(member);
    for (const other of this.#members) if (other !== member) this.cut(other, [member]);
  }

  /** Ends all cuts. */
  heal(): void {
    for (const namespace of this.#places.values()) {
      namespace.call(['nft', '-f', '-'], `table inet ${TABLE} {}\ndelete table inet ${TABLE}\n`);
    }
  }

  /** Takes a member's cable out, or puts it in. */
  link(member: InteropMember, state: 'up' | 'down'): void {
    this.#wire.ip(`link set p${member.address.split('.')[3]} ${state}`);
  }

  async close(): Promise<void> {
    for (const member of this.#members) await member.kill();
    this.#bench.close();
  }
}

/** Waits until all of these know the same members. */
export async function knowEachOther(members: readonly InteropMember[]): Promise<void> {
  const names = members.map(({ name }) => name).sort();
  await Promise.all(members.map((member) => untilMembers(member, names)));
}

/** Waits until a member knows exactly these. */
export async function untilMembers(member: InteropMember, names: readonly string[]): Promise<void> {
  const wished = [...names].sort().join();
  let last = '';
  await until(`${member.name} knows ${wished}`, async () => (last = (await member.members()).join()) === wished, {
    explain: () => `it knows ${last}\n${member.logText()}`,
  });
}

/** Waits until a member knows exactly these nodes of a network. */
export async function untilNodes(member: InteropMember, network: string, names: readonly string[]): Promise<void> {
  const wished = [...names].sort().join();
  let last = '';
  await until(
    `${member.name} has ${wished} on ${network}`,
    async () => (last = (await member.nodes(network)).join()) === wished,
    { explain: () => `it has ${last}\n${member.logText()}` },
  );
}

/** Waits until a member's table has exactly these values, in base64, by key. */
export async function untilEntries(
  member: InteropMember,
  network: string,
  table: string,
  wished: Readonly<Record<string, string>>,
): Promise<void> {
  const text = sortedText(wished);
  let last = '';
  await until(
    `${member.name} has ${Object.keys(wished).length} entries`,
    async () => (last = sortedText(await member.entries(network, table))) === text,
    { explain: () => `it has ${last.slice(0, 600)} and not ${text.slice(0, 600)}\n${member.logText()}` },
  );
}

function sortedText(values: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(values).sort(([one], [other]) => (one < other ? -1 : 1)));
}
