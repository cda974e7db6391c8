/**
 * Published ports at the tasks of a recorded swarm. Docker's rules there were recorded with their counters, and the
 * traffic on the network before and after them, at the ingress sandboxes.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PortVerdict, TaskPorts } from '../../../src/service/index.js';
import { checksum, onesSum, pseudoHeaderSum } from '../../../src/wire/index.js';
import { pairsOf } from '../balance/recording.js';

const PORTS = [{ protocol: 'tcp', published: 8080, target: 80 }] as const;
const TCP = 34;
const CHECKSUM = 50;

interface Recorded {
  readonly toTask: boolean;
  readonly frame: Buffer;
}

/** The frames between a sandbox and all tasks, in the order of the sandbox's interface. */
function framesAt(node: string): Recorded[] {
  const forward = pairsOf('nat-ingress', `ingress-sbox-forward-${node}`);
  const reply = pairsOf('nat-ingress', `ingress-sbox-reply-${node}`);
  return [
    ...forward.map((pair) => ({ at: pair.before_packet, toTask: true, hex: pair.after_hex })),
    ...reply.map((pair) => ({ at: pair.after_packet, toTask: false, hex: pair.before_hex })),
  ]
    .sort((a, b) => a.at - b.at)
    .map(({ toTask, hex }) => ({ toTask, frame: Buffer.from(hex, 'hex') }));
}

function pseudoOf(frame: Uint8Array): number {
  return pseudoHeaderSum(4, frame, 26, 6, frame.length - TCP);
}

/** A frame with another port, and the checksum as its sender would have set it: complete or left for the NIC. */
function withPort(frame: Buffer, at: number, port: number): Buffer {
  const changed = Buffer.from(frame);
  const isComplete = onesSum(frame, TCP, frame.length, pseudoOf(frame)) === 0xffff;
  changed.writeUInt16BE(port, at);
  if (!isComplete) {
    assert.equal(frame.readUInt16BE(CHECKSUM), pseudoOf(frame));
    return changed;
  }
  changed.writeUInt16BE(0, CHECKSUM);
  changed.writeUInt16BE(checksum(changed, TCP, changed.length, pseudoOf(changed)), CHECKSUM);
  return changed;
}

/** Bytes of headers that each segment of an oversized packet has: IPv4, and TCP with timestamps. */
const HEADERS = 52;
/** On the way out of 10.0.0.5 the rules saw 45 packets, which left as 84 after segmentation. */
const SEGMENTS = 84;

/** What the rules' counters say of a task: packets and bytes to port 80 and from it, and redirected connections. */
const COUNTED: Readonly<Record<number, readonly number[]>> = {
  5: [58, 3412, SEGMENTS, 68_613 + (SEGMENTS - 45) * HEADERS, 4],
  6: [31, 1912, 31, 2125, 3],
  7: [33, 2013, 33, 2226, 3],
};

describe('published ports at a task', () => {
  for (const host of [5, 6, 7]) {
    test(`10.0.0.${host} counts what Docker's rules counted, and each frame is as it was sent`, () => {
      const ports = new TaskPorts({ address: `10.0.0.${host}`, ports: PORTS });
      const counted = [0, 0, 0, 0];
      for (const { toTask, frame } of [...framesAt('node1'), ...framesAt('node2')]) {
        if (frame[toTask ? 33 : 29] !== host) continue;
        const port = toTask ? TCP + 2 : TCP;
        assert.equal(frame.readUInt16BE(port), 8080);
        const atTask = withPort(frame, port, 80);
        const [before, after] = toTask ? [frame, atTask] : [atTask, frame];
        const bytes = Buffer.from(before);
        const verdict = toTask ? ports.toTask(bytes, 0, bytes.length, 1) : ports.fromTask(bytes, 0, bytes.length, 1);
        assert.equal(verdict, PortVerdict.Passed);
        assert.equal(bytes.toString('hex'), after.toString('hex'));
        const column = toTask ? 0 : 2;
        counted[column]++;
        counted[column + 1] += frame.readUInt16BE(16);
      }
      assert.deepEqual([...counted, ports.redirected], COUNTED[host]);
      assert.deepEqual([ports.direct, ports.connections.size], [0, ports.redirected]);
    });
  }
});
