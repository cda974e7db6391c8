import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryReader, openCapture, openCaptureFile, PcapWriter } from '../../../src/capture/index.js';
import {
  type FlowSurvey,
  type NetworkSeries,
  Survey,
  surveyFlows,
  type SurveyFlowsOptions,
} from '../../../src/inspect/index.js';
import { ethernet, overlay } from '../../dataplane/build.js';
import { ipv4Packet, ipv6Packet, split } from '../../fragment/split.js';
import { fixture } from '../../repository.js';
import { tcpFrame } from './tcp-frame.js';

async function flowsOf(packets: readonly Uint8Array[], options?: SurveyFlowsOptions): Promise<FlowSurvey> {
  const parts: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => parts.push(bytes.slice()), { nanoseconds: true });
  packets.forEach((packet, i) => writer.write(packet, 0, packet.length, packet.length, i, 0));
  writer.flush();
  return surveyFlows(await openCapture(new MemoryReader(Buffer.concat(parts))), options);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

describe('the conversations of a capture', () => {
  test('are those that a survey reports, with the start as text', async () => {
    const path = fixture('docker/03-vip-http.underlay.pcap');
    const one = await openCaptureFile(path);
    const { conversations, accounting } = await surveyFlows(one);
    await one.close();
    const other = await openCaptureFile(path);
    const survey = new Survey({ flows: true });
    for (let batch = await other.next(); batch !== undefined; batch = await other.next()) survey.addBatch(batch);
    const { flows } = survey.report(other);
    await other.close();
    assert.deepEqual(flows?.accounting, accounting);
    assert.deepEqual(
      flows.conversations,
      conversations.map(({ startNanoseconds, ...rest }) => ({
        ...rest,
        startTime: new Date(Number((startNanoseconds ?? 0n) / 1_000_000n))
          .toISOString()
          .replace('Z', `${String((startNanoseconds ?? 0n) % 1_000_000n).padStart(6, '0')}Z`),
      })),
    );
    assert.ok(conversations.length === 18 && accounting.packets === 417);
  });

  test('inside VXLAN count the inner frame, and outside it the whole packet', async () => {
    const frame = tcpFrame({ flags: 'S', sequence: 1, at: 0 });
    const { conversations } = await flowsOf([overlay(4, 5, frame), frame]);
    assert.deepEqual(
      conversations.map(({ vni, bytes }) => [vni, bytes]),
      [
        [5, frame.length],
        [null, frame.length],
      ],
    );
  });

  test('of one VNI leave the others out', async () => {
    const frame = tcpFrame({ flags: 'S', sequence: 1, at: 0 });
    const { accounting } = await flowsOf([overlay(4, 5, frame), overlay(4, 6, frame)], { vni: 6 });
    assert.equal(accounting.packets, 1);
  });

  for (const [family, packetOf, type] of [
    [4, ipv4Packet, 0x0800],
    [6, ipv6Packet, 0x86dd],
  ] as const) {
    test(`outside VXLAN count every fragment of IPv${family}, with its headers`, async () => {
      const udp = new Uint8Array(2500);
      new DataView(udp.buffer).setUint32(0, (7 << 16) | 8);
      new DataView(udp.buffer).setUint16(4, udp.length);
      const parts = split(packetOf(udp), [100, 200]).map((part) => ethernet(part, type));
      const { conversations, accounting } = await flowsOf(parts);
      const [{ a }] = conversations;
      assert.deepEqual([a.port, a.packets, a.laterFragments, a.payloadBytes], [7, 3, 2, 2492]);
      assert.equal(
        a.bytes,
        parts.reduce((sum, part) => sum + part.length, 0),
      );
      assert.equal(accounting.packets, 3);
    });
  }
});

describe('a survey over time', () => {
  test('has the bytes of each network, and no conversations unless asked for them', async () => {
    const source = await openCaptureFile(fixture('vxlan/50-ipv6-underlay.underlay.pcap'));
    const survey = new Survey();
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) survey.addBatch(batch);
    const { timeSeries, flows, networks, firstTime } = survey.report(source);
    await source.close();
    assert.equal(flows, null);
    assert.ok(timeSeries !== null && timeSeries.networks.length >= 2);
    for (const { vni, bytes, frames } of networks) {
      const series: NetworkSeries | undefined = timeSeries.networks.find((row) => row.vni === vni);
      assert.ok(series !== undefined);
      assert.deepEqual([sum(series.bytes), sum(series.packets)], [bytes, frames]);
    }
    assert.ok(firstTime !== null && timeSeries.startTime <= firstTime);
  });

  test('has the bytes of ESP that was not decrypted, whose network is unknown', async () => {
    const source = await openCaptureFile(fixture('esp/01-esp-docker-aes128-icv64.underlay.pcap'));
    const survey = new Survey();
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) survey.addBatch(batch);
    const { timeSeries, esp } = survey.report(source);
    await source.close();
    assert.ok(timeSeries?.esp !== undefined && timeSeries.networks.every(({ vni }) => vni === null));
    const counted = [sum(timeSeries.esp.bytes), sum(timeSeries.esp.packets)];
    assert.deepEqual(counted, [sum(esp.map(({ bytes }) => bytes)), sum(esp.map(({ packets }) => packets))]);
  });
});
