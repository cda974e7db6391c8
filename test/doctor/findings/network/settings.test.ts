import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressDuplicated } from '../../../../src/doctor/findings/network/address-duplicated.js';
import { encryptedFalse } from '../../../../src/doctor/findings/network/encrypted-false.js';
import { ipv6DataPath } from '../../../../src/doctor/findings/network/ipv6-data-path.js';
import { networkNotInUse } from '../../../../src/doctor/findings/network/network-not-in-use.js';
import { networkSettingsDiffer } from '../../../../src/doctor/findings/network/network-settings-differ.js';
import { nodeNotAmongPeers } from '../../../../src/doctor/findings/network/node-not-among-peers.js';
import { optionUnknown } from '../../../../src/doctor/findings/network/option-unknown.js';
import { peersDiffer } from '../../../../src/doctor/findings/network/peers-differ.js';
import { vipIsTaskAddress } from '../../../../src/doctor/findings/network/vip-is-task-address.js';
import { vniUsedTwice } from '../../../../src/doctor/findings/network/vni-used-twice.js';
import { vxlanDeviceWithoutProxy } from '../../../../src/doctor/findings/network/vxlan-device-without-proxy.js';
import { vxlanPortMismatch } from '../../../../src/doctor/findings/network/vxlan-port-mismatch.js';
import type { NetworkView } from '../../../../src/doctor/evidence/docker.js';
import { isSilent, raises } from '../../assert-finding.js';
import {
  capture,
  changed,
  endpoint,
  engine,
  evidence,
  healthySwarm,
  network,
  node,
  ONE,
  TWO,
  vxlanLink,
} from '../../swarm-evidence.js';

/** The swarm with a network of the second node changed. */
const withView = (name: string, changes: Partial<NetworkView>) =>
  changed('node2', ({ networks }) => ({
    networks: networks.map((view) => (view.name === name ? { ...view, ...changes } : view)),
  }));
const alone = (view: NetworkView) => evidence([node('node1', { networks: [view] })]);

describe('peers of a network (moby/moby#40184)', () => {
  it('differ between nodes', () => {
    raises(
      peersDiffer,
      withView('web', { peers: [TWO] }),
      /same peers for network web: node2 lacks 192\.168\.50\.1\.$/,
      'warning',
    );
  });

  it("aren't known to a node that doesn't use the network", () => {
    isSilent(peersDiffer, withView('web', { vnis: [], peers: [], endpoints: [] }));
  });

  it('lack the address of the node itself', () => {
    const swarm = changed('node1', () => ({ engines: [engine({ nodeAddress: '10.7.7.7' })], addresses: [] }));
    raises(
      nodeNotAmongPeers,
      swarm,
      /^node1 has the address 10\.7\.7\.7, which isn't among the peers of ingress, web and secure/,
    );
  });
});

describe('settings of a network', () => {
  it('differ between nodes', () => {
    raises(
      networkSettingsDiffer,
      withView('web', { vnis: [4105] }),
      /Network web differs between nodes in its VNI \(4097 on node1 and 4105 on node2\)\.$/,
      'error',
    );
    raises(
      networkSettingsDiffer,
      withView('web', { encrypted: true }),
      /in its encryption \(not encrypted on node1 and encrypted on node2\)\.$/,
    );
    raises(
      networkSettingsDiffer,
      withView('web', { driverMtu: 1400 }),
      /in its MTU option \(none on node1 and 1400 on node2\)\.$/,
    );
  });

  it("differ in the devices' MTUs", () => {
    const swarm = changed('node2', ({ links }) => ({
      links: links.map((one) => (one.vxlan?.vni === 4097 ? { ...one, mtu: 1350 } : one)),
    }));
    raises(networkSettingsDiffer, swarm, /in its MTU of the vxlan device \(1450 on node1 and 1350 on node2\)\.$/);
  });

  it("aren't those of another network of the same name, or of a node that doesn't use it", () => {
    isSilent(networkSettingsDiffer, withView('web', { id: 'another', vnis: [4105] }));
    isSilent(networkSettingsDiffer, withView('web', { vnis: [] }));
  });
});

describe('a VNI', () => {
  it('is used by two networks', () => {
    const views = [network('web', 4097, { id: 'a' }), network('db', 4097, { id: 'b' })];
    raises(vniUsedTwice, evidence([node('node1', { networks: views })]), /^VNI 4097 is that of web and db on node1/);
    isSilent(vniUsedTwice, evidence([node('node1', { networks: [views[0], views[0]] })]));
  });

  it("isn't known where the network isn't in use, which is a note", () => {
    const unused = network('web', 4097, { vnis: [], peers: [] });
    raises(networkNotInUse, alone(unused), /^Network web isn't in use on node1: the VNI isn't known there/, 'note');
    isSilent(
      networkNotInUse,
      evidence([node('node1', { networks: [unused] }), node('node2', { networks: [network('web', 4097)] })]),
    );
    isSilent(networkNotInUse, alone({ ...unused, classic: true }));
  });
});

describe('vxlan devices', () => {
  it('have different ports', () => {
    const swarm = changed('node2', ({ links }) => ({
      links: links.map((one) => (one.vxlan?.vni === 4097 ? vxlanLink(4097, 1450, 'l', { port: 8472 }) : one)),
    }));
    raises(
      vxlanPortMismatch,
      swarm,
      /^VXLAN has different ports: 4789 on node1 \(docker info\) and 8472 on node2 \(device vxlan0, VNI 4097\)/,
    );
  });

  it('of other programs have ports of their own', () => {
    isSilent(
      vxlanPortMismatch,
      changed('node2', ({ links }) => ({ links: [...links, vxlanLink(1, 1450, 'l', { port: 8472 })] })),
    );
  });

  it("don't answer ARP without the flag proxy", () => {
    const without = (vni: number) =>
      changed('node1', ({ links }) => ({ links: [...links, vxlanLink(vni, 1450, 'l', { proxy: false })] }));
    raises(vxlanDeviceWithoutProxy, without(4097), /^vxlan0 \(VNI 4097\) of node1 lacks `proxy`/);
    isSilent(vxlanDeviceWithoutProxy, without(1));
  });
});

describe('addresses', () => {
  it('are those of a VIP and a task at once (moby/moby#32738)', () => {
    const task = { name: 'web.9', service: 'web', vip: '10.0.34.40', ip: '10.0.34.41', host: ONE };
    const view = network('web', 4097, {
      tasks: [task, { ...task, name: 'api.1', service: 'api', vip: '', ip: '10.0.34.40' }],
    });
    raises(
      vipIsTaskAddress,
      alone(view),
      /^10\.0\.34\.40 on network web is the VIP of service web and the address of api\.1/,
      'error',
    );
    isSilent(vipIsTaskAddress, alone({ ...view, tasks: [task] }));
  });

  it('are those of two endpoints (moby/moby#33795)', () => {
    const swarm = changed('node2', ({ networks }) => ({
      networks: networks.map((view) =>
        view.name === 'web' ? { ...view, endpoints: [...view.endpoints, endpoint('web.7', '10.0.1.3')] } : view,
      ),
    }));
    raises(addressDuplicated, swarm, /^web\.1 on node1 and web\.7 on node2 both have 10\.0\.1\.3 on network web/);
  });

  it('are the same if the output of one node is given as that of two', () => {
    const [one] = healthySwarm().nodes;
    isSilent(addressDuplicated, evidence([one, { ...one, name: 'node2' }]));
  });

  it('are shown once more by a second output of the same node', () => {
    const { nodes } = healthySwarm();
    const [one] = nodes;
    isSilent(addressDuplicated, evidence([{ ...one, networks: [...one.networks, ...one.networks] }]));
  });
});

describe('options', () => {
  it('are unknown to the driver', () => {
    const wrong = network('web', 4097, { options: { 'com.docker.network.mtu': '1400' } });
    const { commands } = raises(
      optionUnknown,
      alone(wrong),
      /option com\.docker\.network\.mtu, which Docker ignores: it is called com\.docker\.network\.driver\.mtu/,
      'warning',
    );
    assert.match(commands?.[1] ?? '', /--opt com\.docker\.network\.driver\.mtu=1400 web$/);
    isSilent(
      optionUnknown,
      alone({ ...wrong, options: { ...wrong.options, 'com.docker.network.driver.mtu': '1400' } }),
    );
  });

  it("don't switch encryption off", () => {
    raises(
      encryptedFalse,
      alone(network('web', 4097, { encrypted: true, encryptedOption: 'false' })),
      /has the option encrypted=false and is encrypted all the same/,
      'note',
    );
    isSilent(encryptedFalse, alone(network('web', 4097, { encrypted: true, encryptedOption: 'true' })));
  });

  it('cannot break out of the commands that name them', () => {
    const evil = network(`x'; reboot; '`, 4097, { options: { mtu: '$(reboot)' } });
    const { commands } = raises(optionUnknown, alone(evil), /option mtu/);
    assert.equal(commands?.[0], String.raw`docker network rm 'x'\''; reboot; '\'''`);
    assert.ok(commands[1].includes(`=('$(reboot)')`) || commands[1].includes(`='$(reboot)'`), commands[1]);
  });
});

describe('an IPv6 data path (moby/moby#41691)', () => {
  const view = network('web', 4097, { peers: ['fd00::1', 'fd00::2'] });
  const with6 = (version: string, views = [view]) =>
    evidence([node('node1', { networks: views, engines: [engine({ version, nodeAddress: 'fd00::1' })] })]);

  it("isn't possible before 25.0, nor with both families", () => {
    raises(
      ipv6DataPath,
      with6('20.10.24'),
      /^Docker 20\.10\.24 on node1 can't send VXLAN to the IPv6 addresses/,
      'error',
    );
    isSilent(ipv6DataPath, with6('25.0.0'));
    raises(
      ipv6DataPath,
      with6('29.3.0', [{ ...view, peers: ['fd00::1', TWO] }]),
      /^The peers of web have IPv4 and IPv6 addresses/,
    );
  });

  it('is possibly the cause where the version is unknown, and captures hold no VXLAN', () => {
    const given = (tunnels: ReturnType<typeof capture>['survey']['tunnels']) =>
      evidence([node('node1', { networks: [view], captures: [capture({ tunnels })] })]);
    assert.equal(raises(ipv6DataPath, given([]), /its captures hold no VXLAN/).certainty, 'possible');
    isSilent(ipv6DataPath, given(capture().survey.tunnels));
  });
});
