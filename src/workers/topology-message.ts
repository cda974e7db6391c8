/** Passes a topology to another thread. The keys are in shared memory, so that passing them leaves no copies. */
import { ClusterKey, KeyRing, OverlayError, type Prefix, type Topology } from '../overlay/index.js';

/** A topology that can be copied to another thread. */
export interface TopologyMessage {
  readonly topology: Omit<Topology, 'ring'>;
  readonly tags: readonly number[];
  /** Length of each key in bytes. */
  readonly lengths: readonly number[];
  /** The concatenated keys, preceded by a byte that says whether they are still present. */
  readonly keys: SharedArrayBuffer;
}

const PRESENT = 1;

/**
 * Creates the message for one thread.
 * @throws OverlayError `KEY_WIPED`
 */
export function topologyMessage({ ring, ...topology }: Topology): TopologyMessage {
  const all = ring?.keys ?? [];
  const lengths = all.map((key) => key.use(({ length }) => length));
  const keys = new SharedArrayBuffer(1 + lengths.reduce((sum, length) => sum + length, 0));
  new Uint8Array(keys)[0] = PRESENT;
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
 * Takes the topology from a message and wipes the message's keys. The caller owns the topology's keys.
 * @throws OverlayError `KEY_WIPED` for a message that was taken or wiped before
 */
export function topologyOfMessage({ topology, tags, lengths, keys }: TopologyMessage): Topology {
  if (new Uint8Array(keys)[0] !== PRESENT)
    throw new OverlayError('KEY_WIPED', 'the keys of a topology message can be taken only once');
  let at = 1;
  const all = tags.map((tag, i) => {
    at += lengths[i];
    return new ClusterKey(tag, new Uint8Array(keys, at - lengths[i], lengths[i]));
  });
  const ring = all.length === 0 ? undefined : new KeyRing(all);
  wipeMessage({ keys });
  return { ...topology, ring };
}

/** Overwrites the keys of a message with zeros, also for the thread that it was sent to: the memory is shared. */
export function wipeMessage({ keys }: Pick<TopologyMessage, 'keys'>): void {
  new Uint8Array(keys).fill(0);
}

/** Copies each address: transferring a view would copy its whole underlying buffer, whatever else it contains. */
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
