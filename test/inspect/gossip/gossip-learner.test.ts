/** The topology that a capture's gossip describes, against Docker's own description of the recorded swarm. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { batchesOf, openCaptureFile } from '../../../src/capture/index.js';
import { GossipLearner, type LearnedTopology } from '../../../src/inspect/index.js';
import { importSwarm } from '../../../src/overlay/files.js';
import { EndpointKind, Profile, type Topology } from '../../../src/overlay/index.js';
import { formatIpv4, formatMac } from '../../../src/wire/index.js';
import { fixture } from '../../repository.js';
import { dumpFiles } from '../services/recorded-swarm.js';
import { swarmKeys } from './recorded.js';

async function learn(recording: string): Promise<LearnedTopology> {
  const learner = new GossipLearner(swarmKeys());
  const source = await openCaptureFile(fixture(`docker/${recording}.underlay.pcap`));
  for await (const batch of batchesOf(source)) learner.add(batch);
  await source.close();
  assert.ok(learner.found);
  return learner.topology({ profile: Profile.Swarm, mtu: 1500, ring: undefined });
}

function text(address: Uint8Array | undefined): string {
  return address === undefined ? '-' : formatIpv4(address);
}

/** Endpoints by what both descriptions have: networks and load balancers have other names. */
function endpointsOf({ endpoints, nodes }: Topology): string[] {
  return endpoints
    .map(({ ip, mac, node, kind = EndpointKind.Container, name }) => {
      const whole = [kind, text(ip), formatMac(mac), text(nodes[node].vtep)];
      return [...whole, ...(kind === EndpointKind.Balancer ? [] : [name])].join(' ');
    })
    .sort();
}

function recordsOf({ services, networks, nodes }: Topology): string[] {
  const subnet = (network: string): string => text(networks.find(({ name }) => name === network)?.subnets[0].address);
  const vtep = (node: string): string => text(nodes.find(({ name }) => name === node)?.vtep);
  return (services?.records ?? [])
    .map(({ network, node, addresses, service, ...record }) => {
      const rest = service && { ...service, vip: text(service.vip), aliases: service.aliases ?? [] };
      return JSON.stringify({
        endpoint: record.endpoint,
        name: record.name,
        aliases: record.aliases,
        subnet: subnet(network),
        vtep: vtep(node),
        addresses: addresses.map(text),
        service: rest && { id: rest.id, name: rest.name, vip: rest.vip, aliases: rest.aliases, ports: rest.ports },
      });
    })
    .sort();
}

describe('a topology from gossip alone', () => {
  test('has the endpoints, load balancers, subnets and services that Docker showed at that time', async () => {
    const { topology } = await learn('07-encrypted');
    const described = importSwarm(dumpFiles()).topology;
    assert.deepEqual(endpointsOf(topology), endpointsOf(described));
    assert.deepEqual(recordsOf(topology), recordsOf(described));
    const subnets = ({ networks }: Topology): string[] =>
      networks.flatMap((network) => network.subnets.map(({ address, length }) => `${text(address)}/${length}`)).sort();
    assert.deepEqual(subnets(topology), subnets(described));
    const ingress = topology.services?.networks.filter((network) => network.ingress).map(({ name }) => name);
    assert.deepEqual(ingress, ['ingress']);
    assert.deepEqual(
      topology.nodes.map(({ name, vtep }) => `${name} ${text(vtep)}`),
      ['5f6fa7f699a8 192.168.50.2', '631fe2f865ed 192.168.50.1'],
    );
  });

  test('VNIs come from the frames of the endpoints; others are invented, with a warning', async () => {
    const { topology, warnings } = await learn('03-vip-http');
    const vnis = topology.networks.map(({ name, vni }) => [name, vni]);
    assert.deepEqual(
      vnis.filter(([, vni]) => Number(vni) < 0xf00000),
      [['wy6hm1z20g96', 4097]],
    );
    assert.equal(warnings.length, vnis.length - 1);
    for (const warning of warnings) assert.match(warning, /^the VNI of network \w+ is unknown/);
  });

  test('has endpoints that ended while the capture ran', async () => {
    const { topology } = await learn('08-scale-and-attach');
    const names = topology.endpoints.map(({ name }) => name.split('.').slice(0, 2).join('.'));
    for (const task of ['my-web.1', 'my-web.2', 'my-web.3', 'my-web.4', 'my-web.5'])
      assert.ok(names.includes(task), task);
  });
});
