/** Names from files are printed as plain text: none moves the cursor, forges a line or shows a key. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PcapngWriter } from '../../src/capture/index.js';
import { LiveScreen } from '../../src/cli/capture/live-screen.js';
import { bareText } from '../../src/cli/style.js';
import { table, words } from '../../src/cli/table.js';
import { fixture } from '../repository.js';
import { type Outcome, scratch, vtep } from './run.js';

const ESCAPE = '\u001b]0;PWNED\u0007\u009b31m\u202e';
const FORGED = `${ESCAPE}\nvtep: endpoint c9: forged`;
const KEY = '4c6f72656d20697073756d20646f6c6f';
const BASE64 = Buffer.from(KEY, 'hex').toString('base64');
const QUADS = (KEY.match(/.{4}/g) ?? []).join('-');
const EIGHTS = (KEY.match(/.{8}/g) ?? []).join(' ');
const CAPTURE = fixture('docker/07-encrypted.web2.pcap');
const folder = scratch();

function file(name: string, text: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function isPlain({ stdout, stderr }: Outcome): void {
  for (const text of [stdout, stderr]) {
    // eslint-disable-next-line no-control-regex -- control characters are the subject
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]|^vtep: endpoint c9/m);
  }
}

function showsNoKey({ stdout, stderr }: Outcome): void {
  for (const part of [KEY.slice(0, 8), KEY.slice(-8), BASE64.slice(0, 8), QUADS.slice(0, 9)]) {
    assert.ok(!(stdout + stderr).includes(part), stderr);
  }
}

describe('neutralizes control characters', () => {
  const docker = (name: string): string =>
    JSON.stringify([
      {
        Name: name,
        Driver: 'overlay',
        IPAM: { Config: [{ Subnet: '10.0.9.0/24' }] },
        Options: { 'com.docker.network.driver.overlay.vxlanid_list': '4097', encrypted: '' },
        Containers: { a: { Name: `c1${FORGED}`, MacAddress: '02:42:0a:00:09:03', IPv4Address: '10.0.9.3/24' } },
      },
    ]);

  test('in a network name from Docker, in a warning and a report', async () => {
    const path = file('inspect.json', docker(`web${FORGED}`));
    const call = await vtep([
      'encap',
      CAPTURE,
      '-o',
      join(folder, 'x.pcap'),
      '--vtep',
      'n1=192.168.50.1',
      '--docker',
      `n1=${path}`,
      '--node',
      'n1',
    ]);
    isPlain(call);
    assert.match(
      call.stderr,
      /network web\\u001b\]0;PWNED\\u0007\\u009b31m\\u202e\\u000avtep: endpoint c9: forged is encrypted/,
    );
  });

  test('in a config, which is refused', async () => {
    const config = `nodes: { n1: { vtep: 192.168.50.1 }, "n2\\e]0;PWNED\\a": { vtep: 192.168.50.2 } }\nnetworks: { w: { vni: 1 } }\n`;
    const call = await vtep([
      'encap',
      CAPTURE,
      '-o',
      join(folder, 'x.pcap'),
      '--config',
      file('esc.yaml', config),
      '--node',
      'n1',
    ]);
    isPlain(call);
    assert.equal(call.status, 2);
    assert.match(
      call.stderr,
      /:1:\d+: nodes\.n2\\u001b\]0;PWNED\\u0007: a name must not contain control characters\n$/,
    );
  });

  test('in an argument and in a path', async () => {
    for (const call of [['inspect', `no${FORGED}`], [`no${FORGED}`], ['inspect', `--no${ESCAPE}`], ['keys', FORGED]]) {
      const outcome = await vtep(call);
      isPlain(outcome);
      assert.deepEqual([outcome.status, outcome.stdout], [2, '']);
      assert.match(outcome.stderr, /^vtep: [^\n]*\\u001b[^\n]*\n$/);
    }
  });

  test('in the name of a capture, in text and in JSON', async () => {
    const chunks: Uint8Array[] = [];
    const writer = new PcapngWriter((bytes) => void chunks.push(bytes.slice()));
    writer.addInterface(`eth${FORGED}`, 1);
    writer.write(new Uint8Array(60), 0, 60, 60, 1, 0, 0);
    writer.flush();
    const path = file(`wire${FORGED}.pcapng`, Buffer.concat(chunks));
    for (const more of [[], ['--packets'], ['--json']]) {
      const call = await vtep(['inspect', path, ...more]);
      assert.equal(call.status, 0);
      isPlain(call);
      if (more[0] === '--json') assert.equal((JSON.parse(call.stdout) as { file: string }).file, path);
    }
  });

  test('in a cell of a table, whose columns stay aligned', () => {
    const lines = table(
      [words('name'), words('value')],
      [
        ['a\nb', 'x'],
        [`c${ESCAPE}`, 'y'],
      ],
    ).map(bareText);
    const at = lines.map((line) => line.indexOf(line.includes('value') ? 'value' : line.trimEnd().slice(-1)));
    assert.ok(lines.every((line) => !line.includes('\n')));
    assert.equal(new Set(at.slice(0, 1).concat(lines.slice(1).map((line) => line.length - 1))).size, 1);
  });

  test('in a live view, except its own', () => {
    let written = '';
    const nothing = (): void => undefined;
    const terminal = {
      rows: 24,
      columns: 200,
      write: (text: string) => void (written += text),
      on: nothing,
      off: nothing,
    };
    const keyboard = { on: nothing, off: nothing, resume: nothing, pause: nothing };
    const screen = new LiveScreen(terminal, keyboard, { onKey: nothing, onResize: nothing });
    screen.open();
    written = '';
    screen.show([`c1${FORGED}`], true);
    assert.equal(
      written,
      '\x1b[H\x1b[2Kc1\\u001b]0;PWNED\\u0007\\u009b31m\\u202e\\u000avtep: endpoint c9: forged\x1b[J',
    );
    screen.close();
  });
});

describe('hides misplaced keys', () => {
  const config = (node: string, vtep: string): string =>
    `nodes:\n  n1: { vtep: ${vtep} }\nnetworks:\n  w: { vni: 4097 }\nendpoints:\n  c1: { network: w, node: ${node} }\n`;

  for (const [what, text, message] of [
    ['base64', config(BASE64, '192.168.50.1'), /:6:\d+: .*there is no node \[hidden\]/],
    ['groups of 8', config(EIGHTS, '192.168.50.1'), /:6:\d+: .*there is no node \[hidden\]/],
    ['groups of 4 with dashes', config('n1', QUADS), /:2:\d+: nodes\.n1\.vtep: not an IPv4 address: "\[hidden\]"/],
  ] as const) {
    test(`in a config, as ${what}`, async () => {
      const call = await vtep([
        'encap',
        CAPTURE,
        '-o',
        join(folder, 'x'),
        '--config',
        file('c.yaml', text),
        '--node',
        'n1',
      ]);
      assert.equal(call.status, 2);
      showsNoKey(call);
      assert.match(call.stderr, message);
    });
  }

  test('in a dump, as the mode of an SA', async () => {
    const dump = `src 192.168.50.1 dst 192.168.50.2\n\tproto esp spi 0x11223344 reqid 1 mode ${BASE64}\n\taead rfc4106(gcm(aes)) 0x${KEY}11223344 64\n`;
    const call = await vtep(['inspect', CAPTURE, '--keys', file('mode.txt', dump)]);
    assert.equal(call.status, 2);
    showsNoKey(call);
    assert.match(call.stderr, /SPI 0x11223344 .*uses mode "\[hidden\]"/);
  });

  test('in arguments, and shows the rest of the message', async () => {
    for (const [call, message] of [
      [['inspect', join(folder, `${KEY}.pcap`)], /[/\\]\[hidden\]\.pcap: no such file or directory/],
      [['inspect', CAPTURE, `--${KEY}`], /unknown option "--\[hidden\]"/],
      [['inspect', CAPTURE, '--rows', BASE64], /--rows takes an integer from 0 to [\d]+, not "\[hidden\]"/],
      [[QUADS], /unknown command "\[hidden\]"/],
    ] as const) {
      const outcome = await vtep(call);
      assert.equal(outcome.status, 2);
      showsNoKey(outcome);
      assert.match(outcome.stderr, message);
    }
  });
});
