/**
 * Captures from a device in a separate process: packets go to standard output as pcap, counts to the report pipe.
 * Standard output is written synchronously, so that a slow reader blocks this process, the kernel's buffer fills, and
 * the kernel counts its drops: packets are buffered nowhere else, and none is lost uncounted.
 * The process exits at the end of standard input.
 */
import { readSync } from 'node:fs';
import { OutputFile } from '../../capture/index.js';
import { PcapWriter } from '../../capture/portable.js';
import { openDevice, type OpenDevice } from './cap-handle.js';
import { type CaptureOrder, report } from './child-report.js';
import { LiveError } from '../error.js';
import { PacketDrops, packetSockets } from './packet-drops.js';
import { WallClock } from '../system/wall-clock.js';

const REPORT_MS = 500;
/** Interval for checking standard input while the event loop doesn't turn. */
const INPUT_CHECK_MS = 50;

function capture({ device, linkType, bytes }: OpenDevice, drops: PacketDrops | undefined): void {
  const writer = new PcapWriter(new OutputFile('-').write, { nanoseconds: true, linkType });
  const clock = new WallClock();
  const one = new Uint8Array(1);
  let flushing = false;
  let nextCheck = performance.now() + INPUT_CHECK_MS;

  const reportDrops = (): void => {
    drops?.read();
    report({ kind: 'drops', drops: drops?.total ?? null });
  };
  const end = (): never => {
    writer.flush();
    reportDrops();
    // The device is left open until the process exits: cap would free memory that the event loop still uses.
    process.exit(0);
  };
  const flush = (): void => {
    flushing = false;
    writer.flush();
    nextCheck = performance.now() + INPUT_CHECK_MS;
  };
  // Under load, cap calls this repeatedly without a turn of the event loop.
  const onPacket = (length: number): void => {
    clock.read();
    writer.write(bytes, 0, length, length, clock.seconds, clock.nanoseconds);
    if (!flushing) {
      flushing = true;
      setImmediate(flush);
    }
    if (performance.now() < nextCheck) return;
    nextCheck = performance.now() + INPUT_CHECK_MS;
    writer.flush();
    reportDrops();
    if (ended(one)) end();
  };
  device.on('packet', (length) => {
    try {
      onPacket(length);
    } catch {
      // The reader is gone.
      process.exit(0);
    }
  });
  writer.flush();
  setInterval(reportDrops, REPORT_MS);
  process.stdin.on('end', end).on('error', end).resume();
}

/** Whether standard input, a non-blocking descriptor, has ended. */
function ended(into: Uint8Array): boolean {
  try {
    return readSync(0, into) === 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EAGAIN';
  }
}

const order = JSON.parse(process.argv[2]) as CaptureOrder;
try {
  const before = packetSockets();
  const open = openDevice(order.device, order.filter, order.bufferBytes);
  report({ kind: 'opened', linkType: open.linkType });
  capture(open, PacketDrops.ofNewSocket(before));
} catch (error) {
  if (!(error instanceof LiveError)) throw error;
  report({ kind: 'failed', code: error.code, message: error.message });
  process.exit(1);
}
