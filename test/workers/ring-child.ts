/** Run by packet-ring.test.ts: reads a ring to its end, and reports the number of packets and of wrong ones. */
import { parentPort, workerData } from 'node:worker_threads';
import { type PacketRing, RingReader } from '../../src/workers/index.js';

const reader = new RingReader(workerData as PacketRing);
let packets = 0;
let wrong = 0;
do {
  while (reader.next()) {
    const { bytes, start, end, integers, floats } = reader;
    let right = integers[0] === packets && floats[0] === packets / 8 && end - start === (packets * 7) % 1500;
    for (let i = start; i < end; i++) right &&= bytes[i] === ((packets * 31 + i - start) & 0xff);
    if (!right) wrong++;
    packets++;
  }
} while (reader.wait());
parentPort?.postMessage({ packets, wrong });
