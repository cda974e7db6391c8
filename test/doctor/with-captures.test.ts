import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ExaminedCapture, InputKind, readInputs, withCaptures } from '../../src/doctor/index.js';
import { capture } from './swarm-evidence.js';

const TEXT = ['root@node1:~# ip neigh', '192.168.50.2 dev eth0 lladdr 02:00:00:00:50:02 REACHABLE', ''].join('\n');

function examined(file: string, node?: string): ExaminedCapture {
  const summary = { file, node: node ?? '', kinds: [InputKind.Capture], warnings: [], seconds: undefined };
  return { node, evidence: capture({}, file), summary };
}

/** The nodes that captures are with. */
function nodesOf(...captures: readonly ExaminedCapture[]): Record<string, string> {
  const { nodes } = withCaptures(readInputs([{ name: 'paste.txt', text: TEXT }]), captures);
  return Object.fromEntries(nodes.flatMap(({ name, captures: all }) => all.map(({ file }) => [file, name])));
}

describe('a capture is of', () => {
  test('the node that the user gave', () => {
    assert.deepEqual(nodesOf(examined('a.pcap', 'node1'), examined('node1.pcap', 'node2')), {
      'a.pcap': 'node1',
      'node1.pcap': 'node2',
    });
  });

  test('the known node that its file is called like', () => {
    assert.deepEqual(nodesOf(examined('out/node1.wire.pcap'), examined('node1.pcap.gz')), {
      'out/node1.wire.pcap': 'node1',
      'node1.pcap.gz': 'node1',
    });
  });

  test('an unknown node otherwise', () => {
    assert.deepEqual(nodesOf(examined('node10.pcap'), examined('node2.pcap')), { 'node10.pcap': '', 'node2.pcap': '' });
  });
});
