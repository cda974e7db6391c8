import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Link } from '../../../../src/doctor/evidence/kernel.js';
import { mtuSmallerThanFits } from '../../../../src/doctor/findings/network/mtu-smaller-than-fits.js';
import { mtuTooBigForUnderlay } from '../../../../src/doctor/findings/network/mtu-too-big-for-underlay.js';
import { isSilent, raises } from '../../assert-finding.js';
import {
  capture,
  changed,
  evidence,
  healthySwarm,
  link,
  network,
  node,
  ONE,
  TWO,
  vxlanLink,
} from '../../swarm-evidence.js';

const wg0 = link('wg0', { mtu: 1420, kind: 'wireguard', addresses: [`${ONE}/24`] });
const web = network('web', 4097);
const one = (links: readonly Link[], networks = [web], captures = [capture()].slice(1)) =>
  evidence([node('node1', { addresses: [ONE], links, networks, ...(captures.length > 0 ? { captures } : {}) })]);

describe('an MTU that is too big for the underlay', () => {
  it('is found over WireGuard, with the option that fits (moby/libnetwork#2661)', () => {
    const { commands, certainty } = raises(
      mtuTooBigForUnderlay,
      one([wg0]),
      /^Containers on web have an MTU of 1450, but only 1370 fit over wg0 of node1 \(MTU 1420\)/,
      'error',
    );
    assert.deepEqual(commands, [
      'docker network rm web',
      'docker network create --driver overlay --opt com.docker.network.driver.mtu=1420 web',
    ]);
    assert.equal(certainty, 'likely');
  });

  it('is found with encryption, over GCP and over IPv6', () => {
    const encrypted = network('secure', 4099, { encrypted: true });
    raises(mtuTooBigForUnderlay, one([wg0], [encrypted]), /MTU of 1424, but only 1344 fit .*encrypted\)\.$/);
    raises(
      mtuTooBigForUnderlay,
      one([{ ...wg0, name: 'ens4', mtu: 1460 }]),
      /MTU of 1450, but only 1410 fit over ens4/,
    );
    const six = evidence([
      node('node1', {
        addresses: ['fd00::1'],
        links: [link('eth0', { addresses: ['fd00::1/64'] })],
        networks: [network('web', 4097, { peers: ['fd00::1'] })],
      }),
    ]);
    raises(mtuTooBigForUnderlay, six, /only 1430 fit over eth0 of node1 \(MTU 1500, IPv6\)/, 'error');
  });

  it('is a matter of the smallest MTU of all nodes', () => {
    const swarm = changed('node2', ({ links }) => ({
      links: links.map((each) => (each.name === 'eth0' ? { ...each, mtu: 1400 } : each)),
    }));
    const found = [...mtuTooBigForUnderlay.find(swarm)].map(({ summary }) => summary);
    assert.equal(found.length, 3);
    for (const summary of found) assert.match(summary, /over eth0 of node2 \(MTU 1400/);
  });

  it('is a warning where a capture shows that all fragments arrive, and certain where some are lost', () => {
    const times = { firstSeconds: 1, lastSeconds: 2 };
    const fragments = (lost: number, source = ONE) => {
      const incomplete = { count: lost, packets: [], ...times };
      const row = { protocol: 'VXLAN' as const, source, destination: TWO, vni: -1, count: 6, packets: [1], ...times };
      const table = [{ ...row, largest: 1420, incomplete, withoutRests: 0, complete: 3 - lost }];
      return [capture({}, 'node1.pcap', { fragments: table })];
    };
    raises(mtuTooBigForUnderlay, one([wg0], [web], fragments(0)), /only 1370 fit/, 'warning');
    const { certainty, exhibits } = raises(
      mtuTooBigForUnderlay,
      one([wg0], [web], fragments(2)),
      /only 1370 fit/,
      'error',
    );
    assert.equal(certainty, 'certain');
    const others = raises(mtuTooBigForUnderlay, one([wg0], [web], fragments(2, '192.168.50.9')), /only 1370 fit/);
    assert.equal(others.certainty, 'likely');
    assert.ok(
      exhibits.some(({ text }) => text === '6 outer fragments from 192.168.50.1, of 2 incomplete packets and others'),
    );
  });

  it('goes by the vxlan device where its MTU is known, even of a network without a name', () => {
    isSilent(mtuTooBigForUnderlay, one([wg0, vxlanLink(4097, 1370, 'l')]));
    raises(mtuTooBigForUnderlay, one([wg0, vxlanLink(4097, 1450, 'l')]), /MTU of 1450/);
    raises(mtuTooBigForUnderlay, one([wg0, vxlanLink(77, 1400, 'l')], []), /^Containers on VNI 77 have an MTU of 1400/);
  });

  it('is found for a device of another program by the device and the address that it is bound to (flannel-io/flannel#1781)', () => {
    const eth0 = link('eth0', { mtu: 1414 });
    const flannel = (mtu: number, local: string) => ({
      ...vxlanLink(1, mtu, 'l', { device: 'eth0', local, port: 8472 }),
      name: 'flannel.1',
      place: eth0.place,
    });
    const { commands } = raises(
      mtuTooBigForUnderlay,
      one([eth0, flannel(1364, 'fd00::1')], []),
      /^Containers on flannel\.1 have an MTU of 1364, but only 1344 fit over eth0 of node1 \(MTU 1414, IPv6\)/,
    );
    assert.deepEqual(commands, ['ip link set flannel.1 mtu 1344']);
    isSilent(mtuTooBigForUnderlay, one([eth0, flannel(1364, ONE)], []));
  });

  it("isn't found with the option that fits, or where the underlay isn't known", () => {
    isSilent(mtuTooBigForUnderlay, one([wg0], [network('web', 4097, { driverMtu: 1420 })]));
    isSilent(mtuTooBigForUnderlay, one([link('eth0', { mtu: 1400 })]));
    const host = [link('eth0', { mtu: 1500 }), link('docker_gwbridge', { kind: 'bridge' })];
    isSilent(mtuTooBigForUnderlay, one([...host, link('wg0', { mtu: 1420 })]));
    raises(mtuTooBigForUnderlay, one([{ ...host[0], mtu: 1400 }, host[1]]), /over eth0/);
  });

  it('joins an output with addresses and one with MTUs', () => {
    const addresses = link('eth0', { mtu: 0, addresses: [`${ONE}/24`] });
    raises(mtuTooBigForUnderlay, one([addresses, link('eth0', { mtu: 1400 })]), /over eth0 of node1 \(MTU 1400\)/);
    isSilent(mtuTooBigForUnderlay, one([addresses]));
  });
});

describe('an MTU that is smaller than it could be', () => {
  const jumbo = (names: readonly string[]) =>
    names.reduce(
      (swarm, name) =>
        changed(
          name,
          ({ links }) => ({ links: links.map((each) => (each.name === 'eth0' ? { ...each, mtu: 9001 } : each)) }),
          swarm,
        ),
      healthySwarm(),
    );

  it('is a note where the underlay of all nodes has jumbo frames (moby/moby#37855)', () => {
    const found = [...mtuSmallerThanFits.find(jumbo(['node1', 'node2']))];
    assert.deepEqual(
      found.map(({ severity }) => severity),
      ['note', 'note', 'note'],
    );
    assert.match(found[1].summary, /^Containers on web have an MTU of 1450, and 8951 would fit over eth0/);
    assert.match(found[1].commands?.[1] ?? '', /driver\.mtu=9001 web$/);
  });

  it("isn't said where a node has smaller frames, or isn't known", () => {
    isSilent(mtuSmallerThanFits, jumbo(['node1']));
    isSilent(
      mtuSmallerThanFits,
      one([link('eth0', { mtu: 9001, addresses: [`${ONE}/24`] })], [network('web', 4097, { peers: [ONE, TWO] })]),
    );
  });
});
