import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type Subtle, WebCryptoEsp } from '../../../native-free/index.js';
import { type Aead, hkdfSha256, nodeBackend, selfTest } from '../../../src/aead/index.js';
import {
  batchesOf,
  type CaptureBatch,
  MemoryReader,
  openCapture,
  type PacketSource,
  PcapWriter,
} from '../../../src/capture/portable.js';
import { UnderlayDecoder } from '../../../src/dataplane/index.js';
import { Survey, type SurveyOptions, type SurveyReport } from '../../../src/inspect/index.js';
import { parseKeys } from '../../../src/overlay/files.js';
import { CaptureKeys } from '../../../src/overlay/internal.js';
import { fixture } from '../../repository.js';

/** Recordings with ESP, and their keys. */
const RECORDINGS = [
  ['docker/07-encrypted.esp.pcap', 'docker/swarm-keys.txt'],
  ['docker/07-encrypted.underlay.pcap', 'docker/07-encrypted.xfrm.txt'],
  ['esp/01-esp-docker-aes128-icv64.underlay.pcap', 'esp/01-esp-docker-aes128-icv64.xfrm.txt'],
  ['esp/03-esp-padding.underlay.pcap', 'esp/03-esp-padding.xfrm.txt'],
  ['esp/04-esp-wrong-key.underlay.pcap', 'esp/04-esp-wrong-key.xfrm.txt'],
  ['esp/05-esp-aes256-icv128-esn.underlay.pcap', 'esp/05-esp-aes256-icv128-esn.xfrm.txt'],
  ['esp/08-esp-key-rotation.underlay.pcap', 'esp/08-esp-key-rotation.2-n1-switched.xfrm.txt'],
  ['esp/09-esp-frag-1500.underlay.pcap', 'esp/09-esp-frag-1500.xfrm.txt'],
  ['esp/12-esp-tunnel.underlay.pcap', 'esp/12-esp-tunnel.xfrm.txt'],
  ['esp/13-esp-natt.underlay.pcap', 'esp/13-esp-natt.xfrm.txt'],
  ['esp/14-esp-ipv6.underlay.pcap', 'esp/14-esp-ipv6.xfrm.txt'],
] as const;

function keysOf(path: string, aead: Aead): SurveyOptions {
  const keys = new CaptureKeys();
  keys.add(parseKeys(readFileSync(fixture(path), 'utf8')));
  return keys.open(aead, hkdfSha256);
}

function sourceOf(bytes: Uint8Array): Promise<PacketSource> {
  return openCapture(new MemoryReader(bytes));
}

async function byNode(bytes: Uint8Array, keys: string): Promise<SurveyReport> {
  const survey = new Survey({ ...keysOf(keys, nodeBackend.create()), flows: true });
  const source = await sourceOf(bytes);
  for await (const batch of batchesOf(source)) survey.addBatch(batch);
  return survey.report(source);
}

async function byWebCrypto(esp: WebCryptoEsp, bytes: Uint8Array, keys: string): Promise<SurveyReport> {
  const survey = new Survey({ ...keysOf(keys, esp.aead), flows: true });
  const source = await sourceOf(bytes);
  const scout = new UnderlayDecoder(keysOf(keys, esp.scout));
  for await (const batch of esp.batches(source, scout)) survey.addBatch(batch);
  return survey.report(source);
}

/** Packets of a recording as a capture, in the order of their numbers, changed. */
async function withPackets(
  path: string,
  order: readonly number[],
  change: (packet: Uint8Array, n: number) => void = () => undefined,
): Promise<Uint8Array> {
  const packets: Uint8Array[] = [];
  for await (const batch of batchesOf(await sourceOf(readFileSync(fixture(path))))) {
    for (let i = 0; i < batch.count; i++) {
      packets.push(batch.bytes.slice(batch.offset[i], batch.offset[i] + batch.capturedLength[i]));
    }
  }
  const chunks: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => void chunks.push(bytes.slice()));
  order.forEach((number, n) => {
    const packet = packets[number].slice();
    change(packet, n);
    writer.write(packet, 0, packet.length, packet.length, 1000 + n, 0);
  });
  writer.flush();
  return Buffer.concat(chunks);
}

describe('WebCryptoEsp', () => {
  for (const [capture, keys] of RECORDINGS) {
    test(`gives the same report as node:crypto: ${capture}`, async () => {
      const bytes = readFileSync(fixture(capture));
      const esp = await WebCryptoEsp.create();
      assert.ok(esp.isUsed);
      const report = await byWebCrypto(esp, bytes, keys);
      assert.ok(report.esp.length > 0);
      assert.deepEqual(report, await byNode(bytes, keys));
      assert.equal(esp.unprepared, 0);
    });
  }

  const name = 'esp/01-esp-docker-aes128-icv64.underlay.pcap';
  const keys = 'esp/01-esp-docker-aes128-icv64.xfrm.txt';

  test('does not take a forged packet for the one whose nonce and ICV it has, before or after it', async () => {
    for (const forged of [0, 1]) {
      const numbers = Array.from({ length: 40 }, (_, n) => n >> 1);
      const bytes = await withPackets(name, numbers, (packet, n) => {
        if (n % 2 === forged && packet.length > 100) packet[packet.length - 30] ^= 1;
      });
      const report = await byWebCrypto(await WebCryptoEsp.create(), bytes, keys);
      assert.ok(report.esp.some(({ failed }) => Object.keys(failed).length > 0));
      assert.deepEqual(report, await byNode(bytes, keys));
    }
  });

  test('gives the same report for more batches than it decrypts at a time', async () => {
    const numbers = Array.from({ length: 256 * 11 + 7 }, (_, n) => n % 20);
    const bytes = await withPackets(name, numbers);
    const esp = await WebCryptoEsp.create();
    assert.deepEqual(await byWebCrypto(esp, bytes, keys), await byNode(bytes, keys));
    assert.equal(esp.unprepared, 0);
  });

  test('leaves what the scout missed to the other cipher', async () => {
    const bytes = readFileSync(fixture(name));
    const esp = await WebCryptoEsp.create({ fallback: nodeBackend });
    const survey = new Survey({ ...keysOf(keys, esp.aead), flows: true });
    const source = await sourceOf(bytes);
    for await (const batch of esp.batches(source, new UnderlayDecoder())) survey.addBatch(batch);
    const report = survey.report(source);
    assert.deepEqual(report, await byNode(bytes, keys));
    assert.equal(
      esp.unprepared,
      report.esp.reduce((sum, { packets }) => sum + packets, 0),
    );
  });

  test('works by the other cipher where there is no WebCrypto', async () => {
    const here = Object.getOwnPropertyDescriptor(globalThis, 'crypto') ?? {};
    // As on a page that came over plain HTTP.
    const value = { getRandomValues: globalThis.crypto.getRandomValues.bind(globalThis.crypto) };
    Object.defineProperty(globalThis, 'crypto', { value, configurable: true });
    try {
      const bytes = readFileSync(fixture(name));
      const esp = await WebCryptoEsp.create();
      assert.equal(esp.isUsed, false);
      assert.equal(esp.aead.name, 'forge');
      assert.deepEqual(await byWebCrypto(esp, bytes, keys), await byNode(bytes, keys));
    } finally {
      Object.defineProperty(globalThis, 'crypto', here);
    }
  });

  const { subtle } = globalThis.crypto as unknown as { readonly subtle: Subtle };
  const REFUSALS: readonly [what: string, subtle: Subtle][] = [
    [
      'ICVs of 8 bytes',
      {
        importKey: (...all) => subtle.importKey(...all),
        encrypt: (...all) => subtle.encrypt(...all),
        decrypt: (parameters, key, data) => {
          if (parameters.tagLength === 64) return Promise.reject(new DOMException('no', 'OperationError'));
          return subtle.decrypt(parameters, key, data);
        },
      },
    ],
    [
      'a key',
      {
        importKey: (format, key, ...others) => {
          if (key.some((byte) => byte !== 0)) return Promise.reject(new DOMException('no', 'NotSupportedError'));
          return subtle.importKey(format, key, ...others);
        },
        encrypt: (...all) => subtle.encrypt(...all),
        decrypt: (...all) => subtle.decrypt(...all),
      },
    ],
  ];
  for (const [what, refusing] of REFUSALS) {
    test(`leaves packets to the other cipher if WebCrypto refuses ${what}`, async () => {
      const bytes = readFileSync(fixture(name));
      const esp = await WebCryptoEsp.create({ subtle: refusing });
      assert.deepEqual(await byWebCrypto(esp, bytes, keys), await byNode(bytes, keys));
      assert.ok(esp.isUsed && esp.unprepared > 0);
    });
  }

  test('seals and opens like any other cipher outside of the loop', async () => {
    const { aead } = await WebCryptoEsp.create();
    assert.equal(selfTest(aead), undefined);
  });

  test('keeps packets, times and positions as they are in the source', async () => {
    const bytes = readFileSync(fixture('vxlan/10-formats.dumpcap.pcapng'));
    const esp = await WebCryptoEsp.create();
    const all: string[][] = [[], []];
    const collect = async (batches: AsyncIterable<CaptureBatch>, n: number) => {
      for await (const batch of batches) {
        for (let i = 0; i < batch.count; i++) {
          const { offset, capturedLength, originalLength, seconds, nanoseconds, interfaceId, linkType } = batch;
          const packet = batch.bytes.subarray(offset[i], offset[i] + capturedLength[i]);
          all[n].push(
            [
              batch.origin + offset[i],
              capturedLength[i],
              originalLength[i],
              seconds[i],
              nanoseconds[i],
              batch.noTimestamp[i],
              interfaceId[i],
              linkType[i],
              Buffer.from(packet).toString('hex'),
            ].join(' '),
          );
        }
      }
    };
    await collect(esp.batches(await sourceOf(bytes), new UnderlayDecoder()), 0);
    await collect(batchesOf(await sourceOf(bytes)), 1);
    assert.ok(all[0].length > 0);
    assert.deepEqual(all[0], all[1]);
  });

  test('closes the source if the loop ends early', async () => {
    const esp = await WebCryptoEsp.create();
    const source = await sourceOf(readFileSync(fixture(name)));
    for await (const batch of esp.batches(source, new UnderlayDecoder())) {
      assert.ok(batch.count > 0);
      break;
    }
    assert.equal(await source.next(), undefined);
  });
});
