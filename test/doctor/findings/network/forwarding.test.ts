import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NodeEvidence } from '../../../../src/doctor/evidence/evidence.js';
import { bridgeLearnedLocalMac } from '../../../../src/doctor/findings/network/forwarding/bridge-learned-local-mac.js';
import { forwardingEntryDuplicated } from '../../../../src/doctor/findings/network/forwarding/forwarding-entry-duplicated.js';
import { forwardingEntryLearned } from '../../../../src/doctor/findings/network/forwarding/forwarding-entry-learned.js';
import { forwardingEntryMissing } from '../../../../src/doctor/findings/network/forwarding/forwarding-entry-missing.js';
import { forwardingToWrongNode } from '../../../../src/doctor/findings/network/forwarding/forwarding-to-wrong-node.js';
import { framesFromOtherVtep } from '../../../../src/doctor/findings/network/forwarding/frames-from-other-vtep.js';
import { ipv6NeighboursMissing } from '../../../../src/doctor/findings/network/forwarding/ipv6-neighbours-missing.js';
import { localEndpointWithRemoteEntry } from '../../../../src/doctor/findings/network/forwarding/local-endpoint-with-remote-entry.js';
import { neighbourMissing } from '../../../../src/doctor/findings/network/forwarding/neighbour-missing.js';
import { isSilent, raises } from '../../assert-finding.js';
import {
  bridgeRow,
  capture,
  changed,
  endpoint,
  evidence,
  fdb,
  macOf,
  neighbour,
  network,
  node,
  ONE,
  TWO,
} from '../../swarm-evidence.js';

const WEB2 = '10.0.1.4';
const MAC2 = macOf(WEB2);
/** Rows of a MAC that send it to a VTEP. */
const isRemote = (row: NodeEvidence['fdb'][number]) => row.mac === MAC2 && row.destination !== '';

describe('a forwarding entry that is missing (moby/moby#52661)', () => {
  it('is found by its neighbour, with the command that enters it', () => {
    const swarm = changed('node1', (one) => ({ fdb: one.fdb.filter((row) => !isRemote(row)) }));
    const { commands, subject } = raises(
      forwardingEntryMissing,
      swarm,
      /^node1 has no forwarding entry for 10\.0\.1\.4: frames to it are dropped/,
    );
    assert.deepEqual(commands, [
      `nsenter --net=$(ls -d /var/run/docker/netns/*-webidp3x0g*) bridge fdb replace ${MAC2} dev vxlan0 dst ${TWO} self permanent`,
    ]);
    assert.deepEqual(subject.endpoints, [WEB2]);
  });

  it('is found in the pastes of a single network, without the names of devices or namespaces', () => {
    const rows = [bridgeRow(MAC2, ''), fdb(macOf('10.0.1.9'), TWO, { device: '' })];
    const neighbours = [
      neighbour(WEB2, MAC2, { device: '' }),
      neighbour('10.0.1.9', macOf('10.0.1.9'), { device: '' }),
    ];
    raises(
      forwardingEntryMissing,
      evidence([node('', { fdb: rows, neighbours })]),
      /^The node has no forwarding entry for 10\.0\.1\.4/,
    );
  });

  it("isn't found in tables of different networks", () => {
    const rows = [fdb(macOf('10.0.2.9'), TWO)];
    isSilent(forwardingEntryMissing, evidence([node('', { fdb: rows, neighbours: [neighbour(WEB2, MAC2)] })]));
  });
});

describe('a forwarding entry that was learned', () => {
  const learned = changed('node1', (one) => ({
    fdb: one.fdb.map((row) => (isRemote(row) ? { ...row, permanent: false, learned: true } : row)),
  }));

  it('is a warning where Docker entered the neighbour', () => {
    raises(forwardingEntryLearned, learned, /^node1 has only learned forwarding entries for 10\.0\.1\.4/, 'warning');
    isSilent(forwardingEntryMissing, learned);
  });

  it('is normal on a network that learns', () => {
    const rows = [fdb(MAC2, TWO, { permanent: false, learned: true })];
    isSilent(
      forwardingEntryLearned,
      evidence([node('', { fdb: rows, neighbours: [neighbour(WEB2, MAC2, { state: 'REACHABLE' })] })]),
    );
  });
});

describe('a forwarding entry for the wrong node (moby/moby#31588)', () => {
  const to = (destination: string) =>
    changed('node1', (one) => ({ fdb: one.fdb.map((row) => (isRemote(row) ? { ...row, destination } : row)) }));

  it('is found, with the node that has the endpoint', () => {
    const { commands = [] } = raises(
      forwardingToWrongNode,
      to('192.168.50.3'),
      /^node1 sends frames for 10\.0\.1\.4 to 192\.168\.50\.3, but node2 \(192\.168\.50\.2\) has it/,
    );
    assert.match(commands[0], /fdb replace 02:42:0a:00:01:04 dev vxlan0 dst 192\.168\.50\.2 self permanent/);
  });

  it('is found by the peers alone, where no address of the node is known', () => {
    const owner = node('node2', { networks: [network('web', 4097, { endpoints: [endpoint('web.2', WEB2)] })] });
    const rows = (destination: string) => evidence([node('node1', { fdb: [fdb(MAC2, destination)] }), owner]);
    assert.equal(raises(forwardingToWrongNode, rows('192.168.50.3'), /but node2 has it/).certainty, 'possible');
    isSilent(forwardingToWrongNode, rows(TWO));
    isSilent(forwardingToWrongNode, rows(ONE));
  });
});

describe('an endpoint that is here, and forwarded elsewhere (moby/libnetwork#1904)', () => {
  const mac = macOf('10.0.1.3');
  const swarm = changed('node1', (one) => ({ fdb: [...one.fdb, fdb(mac, TWO)] }));

  it('is found, with the commands that remove the entry', () => {
    const { commands = [] } = raises(
      localEndpointWithRemoteEntry,
      swarm,
      /^10\.0\.1\.3 \(web\.1\) runs on node1, whose FDB sends its frames to 192\.168\.50\.2/,
    );
    assert.equal(commands.length, 2);
  });

  it("isn't found in inputs without a node that are of two nodes", () => {
    const [one, two] = swarm.nodes;
    isSilent(localEndpointWithRemoteEntry, evidence([{ ...one, name: '', networks: two.networks }]));
  });
});

describe('a bridge', () => {
  it('has learned a local MAC at the vxlan device (moby/moby#34957)', () => {
    const mac = macOf('10.0.1.3');
    const swarm = changed('node1', (one) => ({ fdb: [...one.fdb, bridgeRow(mac, 'vxlan0')] }));
    raises(bridgeLearnedLocalMac, swarm, /^The bridge of network web on node1 looks for its own web\.1 behind vxlan0/);
  });
});

describe('a neighbour that is missing', () => {
  it('is found by its forwarding entry', () => {
    const swarm = changed('node1', (one) => ({ neighbours: one.neighbours.filter(({ address }) => address !== WEB2) }));
    const { commands = [] } = raises(
      neighbourMissing,
      swarm,
      /^node1 has no neighbour entry for 10\.0\.1\.4: ARP for it isn't answered/,
    );
    assert.match(commands[0], /ip neigh replace 10\.0\.1\.4 lladdr 02:42:0a:00:01:04 dev vxlan0 nud permanent/);
  });

  it("isn't found where the neighbours of the device are unknown", () => {
    const swarm = changed('node1', () => ({
      neighbours: [neighbour('192.168.50.2', '52:54:00:00:00:01', { device: 'eth0', state: 'REACHABLE' })],
    }));
    isSilent(neighbourMissing, swarm);
  });
});

describe('frames from another VTEP than the table says (moby/moby#53004)', () => {
  const seen = (vtep: string, mac = macOf('10.0.1.3')) =>
    changed('node2', () => ({
      captures: [
        capture({
          endpoints: [
            {
              vni: 4097,
              mac,
              ip: '10.0.1.3',
              vtep,
              moves: 0,
              sentFrames: 30,
              sentBytes: 1,
              receivedFrames: 0,
              receivedBytes: 0,
            },
          ],
        }),
      ],
    }));

  it('are found, with both addresses', () => {
    raises(
      framesFromOtherVtep,
      seen('172.31.0.1'),
      /^node2 drops frames of 1 endpoint from 172\.31\.0\.1: its FDB has it at 192\.168\.50\.1/,
    );
  });

  it("aren't found from the right VTEP, or of the node's own endpoints", () => {
    isSilent(framesFromOtherVtep, seen(ONE));
    isSilent(framesFromOtherVtep, seen(TWO, MAC2));
  });
});

describe('two entries for one endpoint', () => {
  it('are two VTEPs of a MAC, or two MACs of an address', () => {
    const rows = changed('node1', (one) => ({
      fdb: [...one.fdb, ...one.fdb.filter(isRemote).map((row) => ({ ...row, destination: '192.168.50.4' }))],
    }));
    raises(
      forwardingEntryDuplicated,
      rows,
      /^node1 has 2 VTEPs for 02:42:0a:00:01:04: 192\.168\.50\.2 and 192\.168\.50\.4/,
    );
    const neighbours = changed('node1', (one) => ({
      neighbours: one.neighbours.flatMap((row) =>
        row.address === WEB2 ? [row, { ...row, mac: '02:42:0a:00:01:99' }] : [row],
      ),
    }));
    raises(forwardingEntryDuplicated, neighbours, /^node1 has 2 MACs for 10\.0\.1\.4/);
  });

  it('are normal for floods, and in outputs of different times', () => {
    const zero = '00:00:00:00:00:00';
    isSilent(forwardingEntryDuplicated, evidence([node('n', { fdb: [fdb(zero, ONE), fdb(zero, TWO)] })]));
    const apart = [fdb(MAC2, ONE, { place: { file: 'before' } }), fdb(MAC2, TWO, { place: { file: 'after' } })];
    isSilent(forwardingEntryDuplicated, evidence([node('n', { fdb: apart })]));
  });
});

describe('IPv6 neighbours (moby/moby#47125)', () => {
  const six = 'fd00:1::4';
  const remote = node('node2', {
    addresses: [TWO],
    networks: [network('web', 4097, { ipv6: true, endpoints: [endpoint('web.2', WEB2, six)] })],
  });
  const local = (neighbours: NodeEvidence['neighbours']) =>
    node('node1', { addresses: [ONE], neighbours, networks: [network('web', 4097, { ipv6: true })] });

  it('are missing for remote endpoints', () => {
    raises(
      ipv6NeighboursMissing,
      evidence([local([neighbour(WEB2, MAC2)]), remote]),
      /IPv4 but no IPv6 neighbours for 1 endpoint on network web: fd00:1::4/,
      'warning',
    );
  });

  it("aren't missed where they are, or where the neighbours are of another network", () => {
    isSilent(ipv6NeighboursMissing, evidence([local([neighbour(WEB2, MAC2), neighbour(six, MAC2)]), remote]));
    isSilent(ipv6NeighboursMissing, evidence([local([neighbour('10.0.2.4', macOf('10.0.2.4'))]), remote]));
  });
});
