/** Open vSwitch with VXLAN in its userspace datapath (netdev). */
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { existsSync } from 'node:fs';
import { VNI } from '../../../test/live/namespaces/kernel-vtep.js';
import type { NamespaceProcess } from '../../../test/live/namespaces/namespace-process.js';
import type { NetworkNamespace } from '../../../test/live/namespaces/network-namespace.js';
import { UNDERLAY_DEVICE } from '../../../test/live/namespaces/underlay.js';
import { missingProgram } from '../requirements.js';
import { type NodeIndex, otherNode, type Place } from '../setup.js';
import { betweenContainers, configureContainer, type LivePeer, onBothNodes } from './peer.js';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const MTU = 1450;
const WAITS = 500;

interface Node {
  readonly container: NetworkNamespace;
  readonly process: NamespaceProcess;
}

async function appears(path: string): Promise<void> {
  for (let waits = 0; !existsSync(path) && waits < WAITS; waits++) await sleep(20);
}

/** A database server and a switch on a node; the underlay's device and the container's are ports of the switch. */
async function start({ bench, nodes, folder }: Place, node: NodeIndex): Promise<Node> {
  const { namespace, ipv4 } = nodes[node - 1];
  const own = `${folder}/ovs${node}`;
  mkdirSync(own);
  const environment = ['env', ...['RUNDIR', 'LOGDIR', 'DBDIR'].map((name) => `OVS_${name}=${own}`)];
  const socket = `${own}/db.sock`;
  namespace.call([...environment, 'ovsdb-tool', 'create', `${own}/conf.db`, SCHEMA]);
  namespace.start([
    ...[...environment, 'ovsdb-server', `${own}/conf.db`, `--remote=punix:${socket}`],
    `--unixctl=${own}/db.ctl`,
  ]);
  await appears(socket);
  const set = (words: string): void => {
    namespace.call([...environment, 'ovs-vsctl', `--db=unix:${socket}`, '--timeout=20', ...words.split(' ')]);
  };
  set('--no-wait init');
  const process = namespace.start([...environment, 'ovs-vswitchd', `unix:${socket}`, `--unixctl=${own}/vs.ctl`]);
  await appears(`${own}/vs.ctl`);

  const container = bench.namespace(`c${node}`);
  container.ip(`link add eth0 type veth peer name v0 netns ${namespace.name}`);
  namespace.ip(`link set v0 mtu ${MTU} up`);
  configureContainer(container, node, MTU);
  // The userspace datapath takes no packets with unfinished checksums, nor segments.
  container.call(['ethtool', '-K', 'eth0', 'tx', 'off']);

  const mac = `02:00:00:00:50:0${node}`;
  set(`add-br br-phy -- set bridge br-phy datapath_type=netdev other_config:hwaddr=${mac}`);
  namespace.ip(`address flush dev ${UNDERLAY_DEVICE}`);
  namespace.ip(`link set ${UNDERLAY_DEVICE} address 02:00:00:00:60:0${node}`);
  set(`add-port br-phy ${UNDERLAY_DEVICE}`);
  namespace.ip(`address add ${ipv4}/24 dev br-phy`);
  namespace.ip('link set br-phy up');
  const remote = nodes[otherNode(node) - 1].ipv4;
  set(
    'add-br br-int -- set bridge br-int datapath_type=netdev -- add-port br-int v0 -- add-port br-int vx0 ' +
      `-- set interface vx0 type=vxlan options:remote_ip=${remote} options:key=${VNI}`,
  );
  return { container, process };
}

export const openVSwitch: LivePeer = {
  name: 'openvswitch',
  what: 'Open vSwitch, VXLAN, userspace datapath',
  missing: () =>
    missingProgram('ovs-vswitchd', 'openvswitch-switch') ?? missingProgram('ovsdb-tool', 'openvswitch-common'),
  async open(place) {
    const [client, server] = await onBothNodes((node) => start(place, node));
    return betweenContainers([client.container, server.container], [client.process, server.process]);
  },
};
