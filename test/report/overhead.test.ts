import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openCaptureFile } from '../../src/capture/index.js';
import { Survey } from '../../src/inspect/index.js';
import { overheadOf } from '../../src/report/overhead.js';
import { network, survey, tunnel } from '../picture/sample-survey.js';
import { fixture } from '../repository.js';
import { esp } from './sample-contents.js';

describe('overhead', () => {
  test('of clear VXLAN over IPv4 and Ethernet, it is 50 bytes per frame', async () => {
    const report = survey({
      bytes: 10 * 150 + 60,
      frames: 10,
      networks: [network(1, { frames: 10, bytes: 1000 })],
      tunnels: [tunnel('10.0.0.1', '10.0.0.2', { frames: 10, bytes: 1000 })],
      otherTraffic: [{ name: 'ARP', packets: 1, bytes: 60 }],
    });
    assert.deepEqual(overheadOf(report), {
      frames: 10,
      inner: 1000,
      headers: 500,
      esp: 0,
      sealed: 0,
      other: 60,
      uncertain: 0,
    });
    const source = await openCaptureFile(fixture('vxlan/01-icmp.underlay.pcap'));
    const recorded = new Survey();
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) recorded.addBatch(batch);
    const { headers, frames } = overheadOf(recorded.report(source));
    assert.equal(headers, 50 * frames);
  });

  test('ESP is what its packets have beyond IP, UDP, VXLAN and the frame', () => {
    const report = survey({
      bytes: 10 * (14 + 180),
      frames: 10,
      networks: [network(1, { frames: 10, bytes: 1000, encrypted: 10 })],
      tunnels: [tunnel('10.0.0.1', '10.0.0.2', { frames: 10, bytes: 1000, espPackets: 10, espBytes: 1800 })],
      esp: [esp('0x1', '10.0.0.1', '10.0.0.2', { packets: 10, opened: 10, bytes: 1800 })],
    });
    const { headers, esp: added } = overheadOf({ ...report, linkTypes: ['EN10MB'] });
    assert.deepEqual([headers, added], [500, 440]);
  });

  test('ESP beside clear frames between the same nodes is not told apart from the headers', () => {
    const report = survey({
      bytes: 4000,
      frames: 20,
      networks: [network(1, { frames: 20, bytes: 2000, encrypted: 10 })],
      tunnels: [tunnel('10.0.0.1', '10.0.0.2', { frames: 20, bytes: 2000, espPackets: 10, espBytes: 1800 })],
      esp: [esp('0x1', '10.0.0.1', '10.0.0.2', { packets: 10, opened: 10, bytes: 1800 })],
    });
    const { headers, esp: added } = overheadOf(report);
    assert.deepEqual([headers, added], [2000, null]);
  });

  test('ESP that was not decrypted is separate, also if the keys failed, and is not uncertain', () => {
    const report = survey({
      bytes: 10 * (14 + 180),
      accounting: {
        inFrames: 0,
        esp: 0,
        other: 0,
        held: 2,
        filtered: 0,
        dropped: { XfrmInStateProtoError: 10, NoMac: 3 },
      },
      esp: [
        esp('0x1', '10.0.0.1', '10.0.0.2', {
          packets: 10,
          opened: 0,
          bytes: 1800,
          failed: { XfrmInStateProtoError: 10 },
        }),
      ],
    });
    const { sealed, headers, uncertain } = overheadOf(report);
    assert.deepEqual([sealed, headers, uncertain], [1940, 0, 5]);
  });
});
