/** wireguard-go, with ChaCha20-Poly1305. Its device stays in the node's namespace. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { command } from '../../../test/live/namespaces/command.js';
import type { NamespaceProcess } from '../../../test/live/namespaces/namespace-process.js';
import type { NetworkNamespace } from '../../../test/live/namespaces/network-namespace.js';
import { missingProgram } from '../requirements.js';
import { CONTAINER_IPS, type NodeIndex, otherNode, type Place } from '../setup.js';
import { betweenContainers, type LivePeer, onBothNodes } from './peer.js';

const PORT = 51820;
const MTU = 1420;
const WAITS = 500;

let started = 0;

/** Starts it, and waits for its control socket. All namespaces share the folder of these, so a device's name is unique. */
async function startDevice(namespace: NetworkNamespace): Promise<{ device: string; running: NamespaceProcess }> {
  const device = `wg${process.pid}-${++started}`;
  const socket = `/var/run/wireguard/${device}.sock`;
  // A killed wireguard-go leaves it.
  process.once('exit', () => rmSync(socket, { force: true }));
  const running = namespace.start(['wireguard-go', '-f', device]);
  for (let waits = 0; !existsSync(socket) && waits < WAITS; waits++) await sleep(20);
  return { device, running };
}

async function start({ nodes, folder }: Place, node: NodeIndex, peerKey: string): Promise<NamespaceProcess> {
  const { namespace } = nodes[node - 1];
  const other = otherNode(node);
  const { device, running } = await startDevice(namespace);
  namespace.call([
    ...['wg', 'set', device, 'private-key', `${folder}/wireguard${node}.key`, 'listen-port', `${PORT}`],
    ...['peer', peerKey, 'allowed-ips', `${CONTAINER_IPS[other]}/32`],
    ...['endpoint', `${nodes[other - 1].ipv4}:${PORT}`],
  ]);
  namespace.configure({ device, addresses: [`${CONTAINER_IPS[node]}/24`], mtu: MTU });
  return running;
}

export const wireguardGo: LivePeer = {
  name: 'wireguard-go',
  what: 'wireguard-go, ChaCha20-Poly1305',
  missing: () => missingProgram('wireguard-go', 'wireguard-go') ?? missingProgram('wg', 'wireguard-tools'),
  async open(place) {
    const publicKeys = await onBothNodes((node) => {
      const secret = command(['wg', 'genkey']);
      writeFileSync(`${place.folder}/wireguard${node}.key`, secret, { mode: 0o600 });
      return command(['wg', 'pubkey'], secret).trim();
    });
    const processes = await onBothNodes((node) => start(place, node, publicKeys[otherNode(node) - 1]));
    return betweenContainers([place.nodes[0].namespace, place.nodes[1].namespace], processes);
  },
};
