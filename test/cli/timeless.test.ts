/** Packets with absurd or missing timestamps: commands report how they handle them. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EtherType } from '../../src/wire/index.js';
import { Blocks } from '../capture/build.js';
import { esp, ethernet, FRAME, ip, overlay } from '../dataplane/build.js';
import { scratch, vtep } from './run.js';

const folder = scratch();
const IF_TSOFFSET = 14;
const ABSURD = 'a time is before 1970 or after 2554: ignored, reported as 1970-01-01';
const NONE = /CAPTURE_ODD +1: a packet has no time \(simple packet block\)/;

/** A capture with one packet with a valid timestamp, one without, and two with absurd ones. */
function capture(name: string, packet: Uint8Array): string {
  const blocks = new Blocks(false);
  const offset = Buffer.alloc(8);
  offset.writeBigInt64LE(-(2n ** 62n));
  const path = join(folder, name);
  writeFileSync(
    path,
    Buffer.concat([
      blocks.section(),
      blocks.interface(1, 0),
      blocks.interface(1, 0, [IF_TSOFFSET, offset]),
      blocks.enhanced(0, 1_700_000_000_000_000n, packet),
      blocks.simple(packet),
      ...[1n, 2n].map((ticks) => blocks.enhanced(1, ticks, packet)),
    ]),
  );
  return path;
}

const WIRE = capture('wire.pcapng', overlay());

test('decap reports how many frames it writes as of 1970 and why, and --strict exits 1', async () => {
  const words = ['decap', WIRE, '-o', join(folder, 'out.pcap')];
  const { status, stderr } = await vtep(words);
  assert.equal(status, 0);
  assert.match(stderr, /^ {2}3 frames without a timestamp written as of 1970-01-01$/m);
  assert.ok(stderr.includes(`  CAPTURE_ODD 2: ${ABSURD}\n`), stderr);
  assert.match(stderr, NONE);
  assert.equal((await vtep([...words, '--strict'])).status, 1);
  const report = JSON.parse((await vtep([...words, '--json'])).stdout) as { timeless: number; notes: unknown[] };
  assert.deepEqual([report.timeless, report.notes.length], [3, 2]);
});

test('encap and replay report why, once', async () => {
  const frames = capture('frames.pcapng', FRAME);
  const config = join(folder, 'config.yaml');
  writeFileSync(
    config,
    'nodes: { n1: { vtep: 192.0.2.1 } }\nnetworks: { w: { vni: 1 } }\nendpoints: { c: { network: w, node: n1, ip: 10.0.9.3 } }\n',
  );
  for (const words of [
    ['encap', frames, '--config', config, '--node', 'n1', '-o', join(folder, 'wire.pcap')],
    ['replay', frames, '--both'],
    ['replay', WIRE],
  ]) {
    const { status, stderr } = await vtep(words);
    assert.equal(status, 0, stderr);
    assert.equal(stderr.split(ABSURD).length, 2, stderr);
    assert.match(stderr, NONE);
  }
});

test('keys timeline lists them among the problems', async () => {
  const sealed = capture('esp.pcapng', ethernet(ip(4, 50, esp(0x1000, 1)), EtherType.Ipv4));
  const { stdout } = await vtep(['keys', 'timeline', sealed]);
  assert.doesNotMatch(stdout, /Problems: none/);
  assert.match(stdout, /note +2 +CAPTURE_ODD +a time is before 1970 or after 2554/);
  const report = JSON.parse((await vtep(['keys', 'timeline', sealed, '--json'])).stdout) as {
    summary: { problems: { code: string; count: number }[] };
  };
  assert.deepEqual(
    report.summary.problems.filter(({ code }) => code === 'CAPTURE_ODD').map(({ count }) => count),
    [1, 2],
  );
});
