/** nebula with AES-256-GCM. Its device can't leave the node's namespace, so traffic starts there. */
import { writeFileSync } from 'node:fs';
import { command } from '../../../test/live/namespaces/command.js';
import type { NamespaceProcess } from '../../../test/live/namespaces/namespace-process.js';
import { missingProgram } from '../requirements.js';
import { CONTAINER_IPS, type NodeIndex, otherNode, type Place } from '../setup.js';
import { betweenContainers, type LivePeer, onBothNodes } from './peer.js';

const PORT = 4242;
const BUFFER = 4_000_000;
const ANYTHING = [{ port: 'any', proto: 'any', host: 'any' }];

/** Makes an authority and a certificate for each node. */
function makeCertificates(folder: string): void {
  const authority = ['-ca-crt', `${folder}/nebula-ca.crt`, '-ca-key', `${folder}/nebula-ca.key`];
  const made = ['-out-crt', `${folder}/nebula-ca.crt`, '-out-key', `${folder}/nebula-ca.key`];
  command(['nebula-cert', 'ca', '-name', 'bench', ...made]);
  for (const node of [1, 2] as const) {
    command([
      ...['nebula-cert', 'sign', ...authority, '-name', `node${node}`, '-ip', `${CONTAINER_IPS[node]}/24`],
      ...['-out-crt', `${folder}/nebula${node}.crt`, '-out-key', `${folder}/nebula${node}.key`],
    ]);
  }
}

function configOf({ nodes, folder }: Place, node: NodeIndex): unknown {
  const other = otherNode(node);
  return {
    pki: { ca: `${folder}/nebula-ca.crt`, cert: `${folder}/nebula${node}.crt`, key: `${folder}/nebula${node}.key` },
    static_host_map: { [CONTAINER_IPS[other]]: [`${nodes[other - 1].ipv4}:${PORT}`] },
    lighthouse: { am_lighthouse: false },
    listen: { host: nodes[node - 1].ipv4, port: PORT, read_buffer: BUFFER, write_buffer: BUFFER, batch: 64 },
    cipher: 'aes',
    tun: { dev: 'nebula0', mtu: 1420, tx_queue: 1000 },
    firewall: { outbound: ANYTHING, inbound: ANYTHING },
  };
}

async function start(place: Place, node: NodeIndex): Promise<NamespaceProcess> {
  const path = `${place.folder}/nebula${node}.json`;
  writeFileSync(path, JSON.stringify(configOf(place, node)));
  const process = place.nodes[node - 1].namespace.start(['nebula', '-config', path]);
  const ready = /interface is active|Nebula interface/;
  await process.until(() => ready.test(process.stdout + process.stderr), 'its device');
  return process;
}

export const nebula: LivePeer = {
  name: 'nebula',
  what: 'nebula, AES-256-GCM',
  missing: () => missingProgram('nebula', 'nebula') ?? missingProgram('nebula-cert', 'nebula'),
  async open(place) {
    makeCertificates(place.folder);
    const processes = await onBothNodes((node) => start(place, node));
    return betweenContainers([place.nodes[0].namespace, place.nodes[1].namespace], processes);
  },
};
