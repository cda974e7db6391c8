/** Invalid arguments and files: the right exit code, one line that says what is wrong, no partial output. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fixture } from '../repository.js';
import { framesOf } from './frames.js';
import { MAIN, type Outcome, scratch, vtep } from './run.js';

const folder = scratch();
const good = readFileSync(fixture('vxlan/01-icmp.underlay.pcap'));
const goodNg = readFileSync(fixture('vxlan/10-formats.editcap.pcapng'));

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function unusable(call: Outcome, pattern: RegExp): void {
  assert.equal(call.status, 2, call.stderr);
  assert.match(call.stderr, pattern);
  assert.equal(call.stderr.trimEnd().split('\n').length, 1, `more than one line: ${call.stderr}`);
  assert.equal(call.stdout, '');
}

/** Asserts that every command refuses a file, and writes nothing. */
async function refused(path: string, pattern: RegExp): Promise<void> {
  unusable(await vtep(['inspect', path]), pattern);
  const out = join(folder, 'never.pcap');
  unusable(await vtep(['decap', path, '-o', out]), pattern);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('never')),
    [],
  );
}

/** The header of a µs pcap file with a given link type. */
function withLinkType(linkType: number): Buffer {
  const bytes = Buffer.from(good);
  bytes.writeUInt32LE(linkType, 20);
  return bytes;
}

describe('refuses files that are not captures:', () => {
  test('an empty file', () =>
    refused(file('empty.pcap', ''), /empty\.pcap: it is empty; a pcap or pcapng file is needed/));
  test('a text file', () => refused(file('text.pcap', 'hello, world\n'), /neither pcap nor pcapng/));
  test('a file of one byte', () => refused(file('one.pcap', 'x'), /neither pcap nor pcapng/));
  test('a directory', () => refused(folder, /it is a directory; name a file in it/));
  test('a missing file', () => refused(join(folder, 'nowhere.pcap'), /nowhere\.pcap: no such file or directory/));
  test('half a file header', () =>
    refused(file('half.pcap', good.subarray(0, 20)), /in the middle of the record at byte 0/));
  test('an old version', async () => {
    const bytes = Buffer.from(good);
    bytes.writeUInt16LE(3, 4);
    await refused(file('old.pcap', bytes), /pcap version 3\.4 is not supported, only 2\.4/);
  });
  test('an unknown link type', () =>
    refused(file('link.pcap', withLinkType(147)), /unsupported link type USER0; supported: NULL, EN10MB/));
  test('a pcapng file of an unknown link type', async () => {
    const bytes = Buffer.from(goodNg);
    // The interface description follows the section header.
    bytes.writeUInt16LE(147, bytes.readUInt32LE(4) + 8);
    await refused(file('link.pcapng', bytes), /unsupported link type USER0; supported: /);
  });
  test('invalid gzip data', () => refused(file('bad.gz', Buffer.from([0x1f, 0x8b, 1, 2, 3, 4])), /gzip data/));
});

describe('damage', () => {
  test('refuses a capture whose first record is 4 GB long', async () => {
    const bytes = Buffer.from(good);
    bytes.writeUInt32LE(0xffffffff, 24 + 8);
    await refused(file('huge.pcap', bytes), /the record at byte 24 claims 4294967295 bytes/);
  });

  test('refuses a pcapng file whose first block has a wrong length', async () => {
    const bytes = Buffer.from(goodNg);
    bytes.writeUInt32LE(13, 4);
    await refused(file('block.pcapng', bytes), /a block of length 13 at byte 0/);
  });

  /** Length of the good file's header and first records, in bytes. */
  function lengthOf(records: number): number {
    let at = 24;
    for (let i = 0; i < records; i++) at += 16 + good.readUInt32LE(at + 8);
    return at;
  }

  const later = Buffer.from(good);
  later.writeUInt32LE(0xfffffff0, lengthOf(10) + 8);
  const ngLater = Buffer.from(goodNg);
  ngLater.writeUInt32LE(0x33333333, goodNg.length - 4);
  const CASES = [
    ['a later record of 4 GB', 'later.pcap', later, 10, /claims 4294967280 bytes/],
    [
      'a file that ends in a record',
      'cut.pcap',
      good.subarray(0, lengthOf(7) + 30),
      7,
      /ends in the middle of the record/,
    ],
    ['a file that ends in a record header', 'cut2.pcap', good.subarray(0, lengthOf(7) + 5), 7, /ends in the middle/],
    [
      'a pcapng whose last block has a wrong trailing length',
      'later.pcapng',
      ngLater,
      25,
      /a block with length \d+ at its start and \d+ at its end/,
    ],
  ] as const;
  for (const [what, name, bytes, packets, pattern] of CASES) {
    test(`${what}: reads the packets before it, and exits 1 with --strict`, async () => {
      const path = file(name, bytes);
      const out = join(folder, `${name}.out`);
      const call = await vtep(['decap', path, '-o', out]);
      assert.equal(call.status, 0, call.stderr);
      assert.match(call.stderr, pattern);
      assert.match(call.stderr, new RegExp(`read the ${packets} packets before it`));
      const frames = (await framesOf(out)).length;
      assert.ok(frames > 0 && frames <= packets);
      assert.equal((await vtep(['decap', path, '-o', out, '--strict'])).status, 1);
      const inspect = await vtep(['inspect', path, '--json', '--strict']);
      assert.equal(inspect.status, 1);
      const report = JSON.parse(inspect.stdout);
      assert.equal(report.packets, packets);
      assert.match(report.problems[0].message, pattern);
    });
  }

  test('reports a capture without packets, and exits 1 with --strict', async () => {
    const path = file('header.pcap', good.subarray(0, 24));
    const out = join(folder, 'header.out.pcap');
    const call = await vtep(['decap', path, '-o', out]);
    assert.equal(call.status, 0);
    assert.match(call.stderr, /header\.pcap: no packets/);
    assert.equal(readFileSync(out).length, 24);
    assert.equal((await vtep(['decap', path, '-o', out, '--strict'])).status, 1);
    assert.equal((await vtep(['inspect', path])).status, 0);
    assert.equal((await vtep(['inspect', path, '--strict'])).status, 1);
  });
});

describe('refuses outputs that can not be written:', () => {
  const input = file('input.pcap', good);

  test('the input itself, by its name, a symbolic link or a hard link', async () => {
    symlinkSync(input, join(folder, 'soft.pcap'));
    linkSync(input, join(folder, 'hard.pcap'));
    for (const name of ['input.pcap', 'soft.pcap', 'hard.pcap']) {
      unusable(
        await vtep(['decap', input, '-o', join(folder, name)]),
        /the output is the input itself; name another file/,
      );
    }
    assert.deepEqual(readFileSync(input), good);
  });

  test('a directory', async () => {
    mkdirSync(join(folder, 'there'));
    unusable(await vtep(['decap', input, '-o', join(folder, 'there')]), /it is a directory; name a file in it/);
  });

  test('a file in a missing directory', async () =>
    unusable(await vtep(['decap', input, '-o', join(folder, 'no', 'out.pcap')]), /no such file or directory/));

  const root = process.getuid?.() === 0 ? 'root may write everywhere' : false;
  test('a file in a read-only directory', { skip: root }, async () => {
    mkdirSync(join(folder, 'locked'));
    chmodSync(join(folder, 'locked'), 0o500);
    unusable(await vtep(['decap', input, '-o', join(folder, 'locked', 'out.pcap')]), /permission denied/);
  });

  test('a full device', { skip: existsSync('/dev/full') ? false : 'there is no /dev/full' }, async () =>
    unusable(await vtep(['decap', input, '-o', '/dev/full']), /no space left on the device/),
  );

  test('leaves an older output unchanged if the input is refused', async () => {
    const out = file('older.pcap', 'older');
    assert.equal((await vtep(['decap', file('bad.pcap', 'no capture'), '-o', out])).status, 2);
    assert.equal(readFileSync(out, 'utf8'), 'older');
  });
});

describe('refuses invalid arguments:', () => {
  const CALLS: [string[], RegExp][] = [
    [['nonsense'], /unknown command "nonsense"; see: vtep --help/],
    [['toString'], /unknown command "toString"/],
    [['inspect'], /inspect needs a capture file; see: vtep inspect --help/],
    [['inspect', 'a', '-'], /- \(standard input\) can be read only alone, without other files/],
    [['inspect', 'no*.pcap'], /"no\*\.pcap" matches no file/],
    [['inspect', 'a', '--sort', 'bytes'], /--sort needs --flows/],
    [['inspect', 'a', '--max-flows', '5'], /--max-flows needs --flows/],
    [['inspect', 'a', '--flows', '--sort', 'size'], /--sort takes vni, protocol, a, .* or flags, not "size"/],
    [['inspect', 'a', '--flows', '--packets'], /--flows and --packets are mutually exclusive/],
    [['inspect', 'a', '--outside'], /--outside needs --flows/],
    [['inspect', 'a', '--nonsense'], /inspect: unknown option "--nonsense"; see: vtep inspect --help/],
    [['inspect', 'a', '--vni', '16777216'], /--vni takes an integer from 0 to 16777215, not "16777216"/],
    [['inspect', 'a', '--vni', 'x'], /--vni takes an integer/],
    [['inspect', 'a', '--vni'], /vni/],
    [['inspect', 'a', '--port', '0'], /--port takes an integer from 1 to 65535/],
    [['inspect', 'a', '--reserved', 'maybe'], /--reserved takes refuse or ignore, not "maybe"/],
    [['inspect', 'a', '--packets', '--json'], /--packets and --json are mutually exclusive/],
    [['decap', 'a'], /decap needs -o OUT \(output file; - is standard output\)/],
    [['decap', 'a', '-o', 'b', '--format', 'txt'], /--format takes pcap or pcapng/],
    [['decap', 'a', '-o', '-', '--json'], /--json and -o - both use standard output/],
  ];
  for (const [words, pattern] of CALLS)
    test(`vtep ${words.join(' ')}`, async () => unusable(await vtep(words), pattern));

  test('without arguments, prints the help on standard error and exits 2', async () => {
    const call = await vtep([]);
    assert.equal(call.status, 2);
    assert.match(call.stderr, /^Usage: vtep COMMAND/);
  });
});

test('a closed output pipe is not a failure', () => {
  const call = spawnSync('sh', [
    '-c',
    `"$0" "$1" inspect --packets "$2" | head -n 1`,
    process.execPath,
    MAIN,
    fixture('vxlan/03-http-200k.underlay.pcap'),
  ]);
  assert.equal(call.stderr.toString(), '');
  assert.match(call.stdout.toString(), /^ {4}1 /);
});
