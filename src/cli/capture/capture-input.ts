/** Reads a capture from start to end for a command, and reports damage and unsupported link types. */
import {
  type CaptureBatch,
  CaptureError,
  isLinkTypeKnown,
  LinkType,
  linkTypeName,
  openCaptureFile,
  type PacketSource,
} from '../../capture/index.js';
import { isInterrupted, unlessInterrupted } from '../interruption.js';
import { Progress } from '../progress.js';
import { grouped } from '../table.js';
import { say } from '../text-output.js';

/** Maximum number of link types in a message; a capture may have thousands. */
const NAMED = 5;

function unknownLinkType(source: PacketSource, linkTypes: readonly number[]): CaptureError {
  const distinct = [...new Set(linkTypes)];
  const rest = distinct.length > NAMED ? ` and ${distinct.length - NAMED} more` : '';
  const found = distinct.slice(0, NAMED).map(linkTypeName).join(', ') + rest;
  const known = [...new Set(Object.values(LinkType).map(linkTypeName))].join(', ');
  return new CaptureError('UNSUPPORTED_CAPTURE', `${source.name}: unsupported link type ${found}; supported: ${known}`);
}

/**
 * Opens a capture for a command.
 * @throws CaptureError if it can't be read, or its link type is unsupported
 */
export async function openInput(path: string): Promise<PacketSource> {
  return withKnownLinkType(await openCaptureFile(path));
}

/**
 * Closes a capture whose packets can't be decoded.
 * @throws CaptureError if its link type is unsupported
 */
export async function withKnownLinkType(source: PacketSource): Promise<PacketSource> {
  if (source.format === 'pcap' && !isLinkTypeKnown(source.interfaces[0].linkType)) {
    await source.close();
    throw unknownLinkType(source, [source.interfaces[0].linkType]);
  }
  return source;
}

/** Prints a capture's notes, indented under a report. */
export function sayNotes({ notes }: PacketSource): void {
  for (const { message, count } of notes) say(`  CAPTURE_ODD ${grouped(count)}: ${message}`);
}

/** Reports where Ctrl-C ended the reading. */
export function sayInterrupted(name: string, packets: number, pass = ''): void {
  say(`vtep: ${name}: interrupted at ${pass === '' ? '' : `${pass}, `}packet ${grouped(packets)}`, 'yellow');
}

/** Reports why a capture ended early. */
export function sayDamage(name: string, damage: string, packets: number): void {
  say(`vtep: ${name}: ${damage}; read the ${packets} packets before it`, 'yellow');
}

/**
 * Passes every batch of a capture to `onBatch`, awaits it, and closes the capture. A capture that is damaged after its
 * first packets is read up to the damage, which is reported. Ctrl-C ends the reading of commands that called
 * `stopReadingOnInterrupt`.
 * @param passes progress shared by several passes; its owner ends it. Default: its own
 * @returns the number of packets
 * @throws CaptureError if no packet could be read
 */
export async function readInput(
  source: PacketSource,
  onBatch: (batch: CaptureBatch) => void | Promise<void>,
  passes?: Progress,
): Promise<number> {
  const progress = passes ?? new Progress();
  let packets = 0;
  let readable = false;
  try {
    const next = (): Promise<CaptureBatch | undefined> => unlessInterrupted(source.next());
    for (let batch = await next(); batch !== undefined; batch = await next()) {
      packets += batch.count;
      if (!readable) {
        for (let i = 0; i < batch.count; i++) readable ||= isLinkTypeKnown(batch.linkType[i]);
      }
      await onBatch(batch);
      progress.tick(source);
    }
  } finally {
    if (passes === undefined) progress.end();
    // An interrupted read of a pipe may never end.
    const closed = source.close();
    if (!isInterrupted()) await closed;
  }
  if (isInterrupted()) {
    sayInterrupted(source.name, packets, passes?.pass);
    return packets;
  }
  sayEnd(source, packets, readable);
  return packets;
}

/**
 * Reports damage of a capture that was read to its end, and that it has no packets.
 * @param readable whether any of them has a link type that is supported
 * @throws CaptureError if no packet could be read
 */
export function sayEnd(source: PacketSource, packets: number, readable: boolean): void {
  const { damage } = source;
  if (packets > 0 && !readable) {
    throw unknownLinkType(
      source,
      source.interfaces.map((described) => described.linkType),
    );
  }
  if (damage !== undefined) {
    if (packets === 0) throw new CaptureError(damage.code, `${source.name}: ${damage.message}`, { cause: damage });
    sayDamage(source.name, damage.message, packets);
  } else if (packets === 0) {
    say(`vtep: ${source.name}: no packets`);
  }
}
