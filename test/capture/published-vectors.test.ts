/** The published pcapng files of hadrielk/pcapng-test-generator, if available. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { missing, ROOT } from '../repository.js';
import { read } from './read.js';

const folder = resolve(ROOT, '../shared/vectors/pcapng');
const files = existsSync(folder)
  ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.pcapng'))
  : [];
const absent = files.length === 0 ? 'the published pcapng vectors are not available' : false;

describe('published pcapng files', { skip: absent }, () => {
  test('there are 24 in each byte order', () => assert.equal(files.length, 48));

  for (const name of files) {
    test(`${name}: has as many packets as described`, async () => {
      const text = readFileSync(join(folder, name.replace('.pcapng', '.txt')), 'utf8');
      const count = (kind: string): number => Number(new RegExp(`^\\s*${kind}: (\\d+)`, 'm').exec(text)?.[1] ?? 0);
      const { packets, damage, notes, source } = await read(readFileSync(join(folder, name)));
      assert.equal(damage, undefined);
      assert.equal(packets.length, count('EPB') + count('SPB'));
      assert.equal(source.interfaces.length, count('IDB'));
      const said = (pattern: RegExp): number =>
        notes.filter(({ message }) => pattern.test(message)).reduce((sum, note) => sum + note.count, 0);
      assert.equal(said(/has no time/), count('SPB'));
      assert.equal(said(/unknown block type/), count('CB') + count('DCB'));
    });

    test(`${name}: has the packets and times that tshark finds`, { skip: missing('tshark') }, async () => {
      const fields = ['frame.time_epoch', 'frame.cap_len', 'frame.len', 'frame.encap_type'].flatMap((f) => ['-e', f]);
      const lines = spawnSync('tshark', ['-r', join(folder, name), '-T', 'fields', ...fields])
        .stdout.toString()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split('\t'))
        // Custom blocks, which tshark lists as packets without encapsulation.
        .filter(([, , , encapsulation]) => encapsulation !== '');
      const { packets } = await read(readFileSync(join(folder, name)));
      assert.deepEqual(
        packets.map((packet) => [
          packet.timeless ? '' : packet.time,
          String(packet.hex.length / 2),
          String(packet.originalLength),
        ]),
        lines.map((line) => line.slice(0, 3)),
      );
    });
  }
});
