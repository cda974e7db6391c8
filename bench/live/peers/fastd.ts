/** fastd with a TAP device: clear (`null`), and with AES-128-GCM. */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { command } from '../../../test/live/namespaces/command.js';
import type { NamespaceProcess } from '../../../test/live/namespaces/namespace-process.js';
import { missingProgram } from '../requirements.js';
import { type NodeIndex, otherNode, type Place } from '../setup.js';
import { betweenContainers, giveToContainer, type LivePeer, onBothNodes } from './peer.js';

const DEVICE = 'fd0';
const PORT = 10_000;
const WAITS = 500;

interface KeyPair {
  readonly secret: string;
  readonly public: string;
}

function makeKeys(): KeyPair {
  const [secret = '', shown = ''] = command(['fastd', '--generate-key']).match(/[0-9a-f]{64}/g) ?? [];
  return { secret, public: shown };
}

function start(place: Place, node: NodeIndex, method: string, mtu: number, keys: readonly KeyPair[]): NamespaceProcess {
  const { namespace, ipv4 } = place.nodes[node - 1];
  const other = otherNode(node);
  const path = `${place.folder}/fastd-${method}${node}.conf`;
  const lines = [
    `mode tap; interface "${DEVICE}"; mtu ${mtu}; method "${method}"; bind ${ipv4}:${PORT};`,
    `secret "${keys[node - 1].secret}";`,
    `peer "other" { key "${keys[other - 1].public}"; remote ${place.nodes[other - 1].ipv4}:${PORT}; }`,
  ];
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  return namespace.start(['fastd', '--config', path, '--log-level', 'info']);
}

/** Waits until a node has its device. */
async function deviceExists({ nodes }: Place, node: NodeIndex): Promise<void> {
  for (let waits = 0; waits < WAITS; waits++) {
    if (nodes[node - 1].namespace.ip('-o link show').includes(`: ${DEVICE}:`)) return;
    await sleep(20);
  }
}

function fastdWith(name: string, what: string, method: string, mtu: number): LivePeer {
  return {
    name,
    what,
    missing: () => missingProgram('fastd', 'fastd'),
    async open(place) {
      const keys = [makeKeys(), makeKeys()];
      const processes = await onBothNodes((node) => start(place, node, method, mtu, keys));
      const containers = await onBothNodes(async (node) => {
        await deviceExists(place, node);
        return giveToContainer(place, node, DEVICE, mtu);
      });
      return betweenContainers(containers, processes);
    },
  };
}

export const fastd = fastdWith('fastd', 'fastd, TAP, method null (clear)', 'null', 1450);
export const fastdGcm = fastdWith('fastd-gcm', 'fastd, TAP, AES-128-GCM', 'aes128-gcm', 1422);
