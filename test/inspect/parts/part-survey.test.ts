/** The survey of a file among many: what it does when its part can't be merged. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { serialize } from 'node:v8';
import { BATCH_PACKETS, CaptureBatch } from '../../../src/capture/index.js';
import { Survey } from '../../../src/inspect/index.js';
import { type FilePart, PartMerge, PartSurvey } from '../../../src/inspect/internal.js';
import { EtherType, LinkType } from '../../../src/wire/index.js';
import { ethernet, overlay, udpIp } from '../../dataplane/build.js';
import { inOnePass, packetsOf, partOf } from './parted-survey.js';

/** The most that a part without records has, serialized. */
const SMALL = 8192;
const START = { seconds: 1000, nanoseconds: 0 };

/** A full batch of the same packet. */
function batchOf(bytes: Uint8Array, count = BATCH_PACKETS): CaptureBatch {
  const batch = new CaptureBatch();
  batch.bytes = bytes;
  batch.count = count;
  batch.capturedLength.fill(bytes.length);
  batch.originalLength.fill(bytes.length);
  batch.linkType.fill(LinkType.Ethernet);
  batch.seconds.fill(1000);
  return batch;
}

/** The first fragment of a datagram, and much padding. */
function paddedFragment(length: number): Uint8Array {
  const frame = ethernet(udpIp(4, 53, new Uint8Array(64)), EtherType.Ipv4);
  frame[20] = 0x20;
  const bytes = new Uint8Array(length);
  bytes.set(frame);
  return bytes;
}

function isEmpty(part: FilePart, packets: number): void {
  assert.equal(part.inexact, true);
  assert.equal(part.packets, packets);
  assert.ok(serialize(part).length < SMALL);
  const survey = new Survey();
  survey.begin(START);
  const merge = new PartMerge(survey);
  merge.add(part);
  assert.equal(merge.isExact, false);
}

describe('the part of a file', () => {
  test('is empty but for its number of packets if a table is full', async () => {
    const packets = await packetsOf('docker/05-ingress.underlay.pcap');
    const { start } = inOnePass([packets], {});
    isEmpty(partOf(packets, { maxRows: 2, flows: true }, start), packets.length);
  });

  test('is empty if the beginning of the traffic over time is not known', async () => {
    const packets = await packetsOf('docker/05-ingress.underlay.pcap');
    isEmpty(partOf(packets, {}, undefined), packets.length);
  });

  test('is empty if more is held back than a part may have; what follows is skipped', () => {
    const survey = new PartSurvey();
    survey.begin(START);
    const batch = batchOf(paddedFragment(256 * 1024));
    const once = batchOf(paddedFragment(256 * 1024), 10);
    survey.addBatch(once);
    assert.equal(survey.part().inexact, false);
    let packets = once.count;
    for (let i = 0; i < 3; i++) {
      survey.addBatch(batch);
      packets += batch.count;
    }
    isEmpty(survey.part(), packets);
  });

  test('of no packets merges', () => {
    const merge = new PartMerge(new Survey());
    merge.add(new PartSurvey().part());
    assert.equal(merge.isExact, true);
  });

  test('has few bytes if nothing depends on other files', () => {
    const survey = new PartSurvey();
    survey.begin(START);
    for (let i = 0; i < 20; i++) survey.addBatch(batchOf(overlay()));
    const part = survey.part();
    assert.equal(part.packets, 20 * BATCH_PACKETS);
    // A byte per packet for its time, and the tables.
    assert.ok(serialize(part).length < 20 * BATCH_PACKETS + 2 * SMALL);
  });
});
