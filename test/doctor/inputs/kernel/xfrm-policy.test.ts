/** Policies as ip prints them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseXfrmPolicies } from '../../../../src/doctor/inputs/kernel/xfrm-policy.js';
import { sourceOf } from '../sources.js';

function policiesOf(text: string) {
  return [...parseXfrmPolicies(sourceOf(text))];
}

const DOCKER = `src 192.168.50.1/32 dst 192.168.50.2/32 proto udp dport 4789 
\tdir out priority 0 ptype main 
\tmark 0xd0c4e3/0xffffffff 
\ttmpl src 192.168.50.1 dst 192.168.50.2
\t\tproto esp spi 0xc207fc1c reqid 13681891 mode transport
`;
const EXPECTED = {
  place: { file: 'file.txt', line: 1 },
  source: '192.168.50.1/32',
  destination: '192.168.50.2/32',
  protocol: 'udp',
  sourcePort: undefined,
  destinationPort: 4789,
  direction: 'out',
  action: 'allow',
  mark: '0xd0c4e3/0xffffffff',
  spi: 0xc207fc1c,
};

test("Docker's policy is read with its selector, mark and template", () => {
  assert.deepEqual(policiesOf(DOCKER), [EXPECTED]);
});

test('-s, -o and an indented paste give the same', () => {
  const statistics = `src 192.168.50.1/32 dst 192.168.50.2/32 proto udp dport 4789 uid 0
\tdir out action allow index 1 priority 0 ptype main share any flag  (0x00000000)
\tlifetime config:
\t  limit: soft (INF)(bytes), hard (INF)(bytes)
\tlifetime current:
\t  0(bytes), 0(packets)
\t  add 2026-11-29 21:56:09 use -
\tmark 0xd0c4e3/0xffffffff 
\ttmpl src 192.168.50.1 dst 192.168.50.2
\t\tproto esp spi 0xc207fc1c(1) reqid 13681891(0x00d0c4e3) mode transport
\t\tlevel required share any 
\t\tenc-mask ffffffff auth-mask ffffffff comp-mask ffffffff
`;
  assert.deepEqual(policiesOf(statistics), [EXPECTED]);
  assert.deepEqual(policiesOf(DOCKER.trimEnd().replaceAll('\n', '\\')), [EXPECTED]);
  assert.deepEqual(policiesOf(DOCKER.replace(/^/gm, '    ')), [EXPECTED]);
});

test('directions, blocking policies, those without a template and those of sockets are told apart', () => {
  const found = policiesOf(
    'src fd50::1/128 dst fd50::2/128 \n\tdir fwd priority 0 ptype main \n' +
      'src 0.0.0.0/0 dst 0.0.0.0/0 \n\tdir in action block priority 0 ptype main \n' +
      'src 0.0.0.0/0 dst 0.0.0.0/0 \n\tsocket in priority 0 ptype main \n',
  );
  assert.deepEqual(
    found.map(({ direction, action, spi, place }) => [direction, action, spi, place.line]),
    [
      ['fwd', 'allow', undefined, 1],
      ['in', 'block', undefined, 3],
      ['other', 'allow', undefined, 5],
    ],
  );
});
