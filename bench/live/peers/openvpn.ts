/** OpenVPN with a TAP device and AES-128-GCM, without the kernel's data channel offload. */
import { command } from '../../../test/live/namespaces/command.js';
import type { NamespaceProcess } from '../../../test/live/namespaces/namespace-process.js';
import { missingProgram } from '../requirements.js';
import { type NodeIndex, otherNode, type Place } from '../setup.js';
import { betweenContainers, giveToContainer, type LivePeer, onBothNodes } from './peer.js';

const DEVICE = 'tap9';
const MTU = 1420;
const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];

/** Makes a node's key and self-signed certificate, and returns the certificate's fingerprint. */
function fingerprintOf(folder: string, node: NodeIndex): string {
  const [key, certificate] = [`${folder}/openvpn${node}.key`, `${folder}/openvpn${node}.crt`];
  command([
    ...['openssl', 'req', '-x509', ...CURVE, '-nodes', '-days', '2', '-subj', `/CN=node${node}`],
    ...['-keyout', key, '-out', certificate],
  ]);
  const line = command(['openssl', 'x509', '-fingerprint', '-sha256', '-noout', '-in', certificate]);
  return line.slice(line.indexOf('=') + 1).trim();
}

function start({ nodes, folder }: Place, node: NodeIndex, peerFingerprint: string): NamespaceProcess {
  const { namespace, ipv4 } = nodes[node - 1];
  return namespace.start([
    ...['openvpn', '--dev', DEVICE, '--dev-type', 'tap', '--proto', 'udp', '--port', '1194'],
    ...['--local', ipv4, '--remote', nodes[otherNode(node) - 1].ipv4],
    ...['--disable-dco', '--data-ciphers', 'AES-128-GCM', '--cipher', 'AES-128-GCM'],
    ...(node === 1 ? ['--tls-server', '--dh', 'none'] : ['--tls-client']),
    ...['--cert', `${folder}/openvpn${node}.crt`, '--key', `${folder}/openvpn${node}.key`],
    ...['--peer-fingerprint', peerFingerprint, '--verb', '3', '--sndbuf', '4000000', '--rcvbuf', '4000000'],
  ]);
}

export const openvpn: LivePeer = {
  name: 'openvpn',
  what: 'OpenVPN, TAP, AES-128-GCM',
  missing: () => missingProgram('openvpn', 'openvpn') ?? missingProgram('openssl', 'openssl'),
  async open(place) {
    const fingerprints = [fingerprintOf(place.folder, 1), fingerprintOf(place.folder, 2)];
    const processes = await onBothNodes((node) => start(place, node, fingerprints[otherNode(node) - 1]));
    for (const each of processes) await each.line('stdout', /Initialization Sequence Completed/);
    const containers = await onBothNodes((node) => giveToContainer(place, node, DEVICE, MTU));
    return betweenContainers(containers, processes);
  },
};
