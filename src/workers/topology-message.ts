/** A topology on its way to another thread. The keys go in shared memory, so that no copy of them is left on the way. */
import { ClusterKey, KeyRing, OverlayError, type Prefix, type Topology } from '../overlay/index.js';

/** A topology that can be copied to another thread. */
export interface TopologyMessage {
  readonly topology: Omit<Topology, 'ring'>;
  readonly tags: readonly number[];
  /** Bytes of each key. */
  readonly lengths: readonly number[];
  /** The keys, one behind the other, behind a byte that says whether they are there. */
  readonly keys: SharedArrayBuffer;
}

const THERE = 1;

/**
 * Makes the message for one thread.
 * @throws OverlayError `KEY_WIPED`
 */
export function topologyMessage({ ring, ...topology }: Topology): TopologyMessage {
  const all = ring?.keys ?? [];
  const lengths = all.map((key) => key.use(({ length }) => length));
  const keys = new SharedArrayBuffer(1 + lengths.reduce((sum, length) => sum + length, 0));
  new Uint8Array(keys)[0] = THERE;
  let at = 1;
  for (const key of all) {
    at += key.use((bytes) => {
      new Uint8Array(keys, at).set(bytes);
      return bytes.length;
    });
  }
  return { topology: plain(topology), tags: all.map(({ tag }) => tag), lengths, keys };
}

/**
 * The topology of a message, whose keys are wiped by that; its own keys are whoever's who took it.
 * @throws OverlayError `KEY_WIPED` for a message that was taken or wiped before
 */
export function topologyOfMessage({ topology, tags, lengths, keys }: TopologyMessage): Topology {
  if (new Uint8Array(keys)[0] !== THERE) throw new OverlayError('KEY_WIPED', 'the keys of a topology are taken once');
  let at = 1;
  const all = tags.map((tag, i) => {
    at += lengths[i];
    return new ClusterKey(tag, new Uint8Array(keys, at - lengths[i], lengths[i]));
  });
  const ring = all.length === 0 ? undefined : new KeyRing(all);
  wipeMessage({ keys });
  return { ...topology, ring };
}

/** Overwrites the keys of a message with zeros, for its other end, too. */
export function wipeMessage({ keys }: Pick<TopologyMessage, 'keys'>): void {
  new Uint8Array(keys).fill(0);
}

/** Copies each address: a view would take along all of the memory that it stands in, whatever else is there. */
function plain({ nodes, networks, endpoints, ...rest }: Omit<Topology, 'ring'>): Omit<Topology, 'ring'> {
  return {
    ...rest,
    nodes: nodes.map(({ name, vtep, mac, mtu }) => ({ name, vtep: copy(vtep), mac: mac && copy(mac), mtu })),
    networks: networks.map((network) => ({
      ...network,
      subnets: network.subnets.map(({ address, length }): Prefix => ({ address: copy(address), length })),
      gateways: network.gateways.map(copy),
    })),
    endpoints: endpoints.map((endpoint) => ({
      ...endpoint,
      ip: endpoint.ip && copy(endpoint.ip),
      mac: copy(endpoint.mac),
    })),
  };
}

function copy(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}
