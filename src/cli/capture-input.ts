/** A capture that a command reads from one end to the other, and what is said if it isn't one or is damaged. */
import {
  type CaptureBatch,
  CaptureError,
  isLinkTypeKnown,
  LinkType,
  linkTypeName,
  openCaptureFile,
  type PacketSource,
} from '../capture/index.js';
import { Progress } from './progress.js';
import { grouped } from './table.js';
import { say } from './text-output.js';

/** Link types that a message names; a capture may have thousands. */
const NAMED = 5;

function unknownLinkType(source: PacketSource, linkTypes: readonly number[]): CaptureError {
  const distinct = [...new Set(linkTypes)];
  const rest = distinct.length > NAMED ? ` and ${distinct.length - NAMED} more` : '';
  const found = distinct.slice(0, NAMED).map(linkTypeName).join(', ') + rest;
  const known = [...new Set(Object.values(LinkType).map(linkTypeName))].join(', ');
  return new CaptureError(
    'UNSUPPORTED_CAPTURE',
    `${source.name}: its packets are of link type ${found}; these can be read: ${known}`,
  );
}

/**
 * Opens a capture for a command.
 * @throws CaptureError if it can't be read, or holds nothing but packets of link types that can't be
 */
export async function openInput(path: string): Promise<PacketSource> {
  const source = await openCaptureFile(path);
  if (source.format === 'pcap' && !isLinkTypeKnown(source.interfaces[0].linkType)) {
    await source.close();
    throw unknownLinkType(source, [source.interfaces[0].linkType]);
  }
  return source;
}

/** Says what is odd about a capture that was read, in lines below those of a report. */
export function sayNotes({ notes }: PacketSource): void {
  for (const { message, count } of notes) say(`  CAPTURE_ODD ${grouped(count)}: ${message}`);
}

/**
 * Hands every batch of a capture to `onBatch`, waits for it, and closes the capture. A capture that is damaged behind its first packets is
 * read up to there, and a line says so.
 * @returns how many packets there were
 * @throws CaptureError where not one packet could be read
 */
export async function readInput(
  source: PacketSource,
  onBatch: (batch: CaptureBatch) => void | Promise<void>,
): Promise<number> {
  const progress = new Progress(source);
  let packets = 0;
  let readable = false;
  try {
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
      packets += batch.count;
      if (!readable) {
        for (let i = 0; i < batch.count; i++) readable ||= isLinkTypeKnown(batch.linkType[i]);
      }
      await onBatch(batch);
      progress.tick();
    }
  } finally {
    progress.end();
    await source.close();
  }
  const { damage } = source;
  if (packets > 0 && !readable) {
    throw unknownLinkType(
      source,
      source.interfaces.map((described) => described.linkType),
    );
  }
  if (damage !== undefined) {
    if (packets === 0) throw new CaptureError(damage.code, `${source.name}: ${damage.message}`, { cause: damage });
    say(`vtep: ${source.name}: ${damage.message}; the ${packets} packets before it were read`);
  } else if (packets === 0) {
    say(`vtep: ${source.name}: it holds no packets`);
  }
  return packets;
}
