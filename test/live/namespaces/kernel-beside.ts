/** The kernel's vxlan on both nodes next to what is tested, as a reference for rates. */
import { type NamespaceBench } from './namespace-bench.js';
import { dockerMac, KernelVtep } from './kernel-vtep.js';
import { type NetworkNamespace } from './network-namespace.js';
import { iperf3 } from './iperf3.js';
import { type UnderlayNode } from './underlay.js';

/** Another network on a port that `vtep up` doesn't use. */
const NETWORK = { vni: 5000, port: 5789, gateway: '10.0.50.1/24' };
const IPS = ['10.0.50.3', '10.0.50.4'] as const;
const BYTES = 100_000_000;

/** Two containers. */
export interface ContainerPair {
  readonly c1: NetworkNamespace;
  readonly c2: NetworkNamespace;
  /** Address of c2. */
  readonly ip2: string;
}

/** Sets up a kernel vxlan network between two nodes, with a container on each. */
export function kernelBeside(bench: NamespaceBench, nodes: readonly [UnderlayNode, UnderlayNode]): ContainerPair {
  const vteps = nodes.map(({ namespace }, i) => new KernelVtep(bench, namespace, `k${i + 1}`, NETWORK));
  vteps.forEach((vtep, i) => {
    const ip = IPS[1 - i] ?? '';
    vtep.add({ ip, mac: dockerMac(ip), vtep: nodes[1 - i]?.ipv4 ?? '' });
  });
  const [c1, c2] = vteps.map((vtep, i) => vtep.attach(`kc${i + 1}`, IPS[i] ?? '')) as [
    NetworkNamespace,
    NetworkNamespace,
  ];
  return { c1, c2, ip2: IPS[1] };
}

/** Sends 100 MB from c1 to c2, or back, and reports the rate. */
export async function rate({ c1, c2, ip2 }: ContainerPair, reverse = false): Promise<string> {
  const { bitsPerSecond, sent } = await iperf3(c2, c1, { address: ip2, bytes: BYTES, reverse });
  if (sent < BYTES) throw new Error(`iperf3 sent ${sent} bytes of ${BYTES}`);
  return `${(bitsPerSecond / 1e9).toFixed(2)} Gbit/s`;
}
