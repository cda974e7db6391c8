/** What `decap` says that it did: words for people, an object for programs. */
import type { PacketSource } from '../capture/index.js';
import { DropReason, dropReasonName, dropReasonText } from '../dataplane/drop-reason.js';
import { guessText, type Ingress } from '../dataplane/index.js';
import type { EspSurvey } from '../inspect/esp-survey.js';
import { sayNotes } from './capture-input.js';
import type { OpenedKeys } from './key-files.js';
import { filteredText } from './survey-tables.js';
import { grouped } from './table.js';
import { say } from './text-output.js';

/** Frames of one VNI that were written. */
export interface DecapNetwork {
  readonly vni: number;
  frames: number;
  /** Of the frames, those that came in ESP. */
  encrypted: number;
  bytes: number;
}

/** A decapsulation that is done. */
export interface Decapsulation {
  readonly source: PacketSource;
  /** Where the frames went. */
  readonly output: string;
  readonly ingress: Ingress;
  readonly esp: EspSurvey;
  readonly networks: readonly DecapNetwork[];
  readonly keys: OpenedKeys | undefined;
  /**
   * Frames that were written though the capture holds only a part of them.
   * @default 0
   */
  readonly truncated?: number;
  /**
   * Frames whose packets have no time, or an absurd one, and that were written as of 1970-01-01.
   * @default 0
   */
  readonly timeless?: number;
}

/** Drops by which nothing is missing from the output that belongs to it. */
const HARMLESS: ReadonlySet<number> = new Set([
  DropReason.DuplicateFragment,
  DropReason.EspReplayed,
  DropReason.EspDummy,
]);

/** Packets that are missing from the output though they may belong to it. */
export function lost(drops: Float64Array): number {
  return drops.reduce((sum, count, reason) => (HARMLESS.has(reason) ? sum : sum + count), 0);
}

/** Says what was done, on standard error. */
export function sayDecap(done: Decapsulation): void {
  const { source, ingress, esp, networks, output, keys, truncated = 0, timeless = 0 } = done;
  const drops = ingress.drops();
  const vnis = networks.map(({ vni }) => vni).sort((a, b) => a - b);
  const shown = vnis.slice(0, 10).join(', ') + (vnis.length > 10 ? ', ...' : '');
  say(`${grouped(ingress.frames)} frames${vnis.length > 0 ? ` of VNI ${shown}` : ''} -> ${output}`);
  const dropped = drops.reduce((sum, count) => sum + count, 0);
  say(
    `${grouped(ingress.packets)} packets = ${grouped(ingress.framePackets)} with inner frames + ` +
      `${grouped(ingress.espPackets)} ESP + ${grouped(ingress.otherPackets)} other + ${grouped(ingress.held)} held + ` +
      `${grouped(dropped)} dropped` +
      (ingress.filtered.packets === 0 ? '' : ` + ${grouped(ingress.filtered.packets)} filtered`),
  );
  if (ingress.filtered.packets > 0) {
    say(`  filtered ${filteredText(ingress.filtered.vnis, ingress.filtered.packets)}`);
  }
  if (keys !== undefined) {
    say(`  ${grouped(ingress.openedPackets)} ESP packets opened by ${keys.cipher.name}`);
    for (const { code, count, message } of esp.problems(keys.ringSas)) say(`  ${code} ${grouped(count)}: ${message}`);
  }
  drops.forEach((count, reason) => {
    if (count === 0) return;
    const whose = reason === DropReason.VxlanReservedBits ? `: ${ingress.reserved.text}` : '';
    say(`  dropped ${grouped(count)} ${dropReasonName(reason)}: ${dropReasonText(reason)}${whose}`);
  });
  for (const guess of ingress.guess.ports) say(`  ${grouped(guess.packets)} ${guessText(guess)}`);
  const clear = networks.reduce((sum, row) => sum + (row.encrypted > 0 ? row.frames - row.encrypted : 0), 0);
  if (clear > 0)
    say(`  CLEAR_VXLAN ${grouped(clear)}: clear frames of a VNI that is otherwise encrypted; they were written too`);
  if (truncated > 0) say(`  ${grouped(truncated)} frames were written as far as the capture holds them`);
  if (timeless > 0) say(`  ${grouped(timeless)} frames have no time and were written as of 1970-01-01`);
  if (ingress.held > 0) say(`  held ${grouped(ingress.held)} fragments: the capture does not hold their rest`);
  if (ingress.espPackets > 0) {
    say(`  ${grouped(ingress.espPackets)} ESP packets are encrypted and were passed over (--keys opens them)`);
  }
  sayNotes(source);
}

/** The object of `--json`. */
export function decapReport(done: Decapsulation): object {
  const { source, output, ingress, esp, networks, keys, truncated = 0, timeless = 0 } = done;
  const dropped: Record<string, number> = {};
  ingress.drops().forEach((count, reason) => {
    if (count > 0) dropped[dropReasonName(reason)] = count;
  });
  return {
    file: source.name,
    output,
    packets: ingress.packets,
    frames: ingress.frames,
    truncated,
    timeless,
    accounting: {
      inFrames: ingress.framePackets,
      esp: ingress.espPackets,
      other: ingress.otherPackets,
      held: ingress.held,
      filtered: ingress.filtered.packets,
      dropped,
    },
    filtered: ingress.filtered.vnis,
    vxlanPorts: ingress.guess.ports,
    networks: [...networks].sort((a, b) => a.vni - b.vni),
    opened: ingress.openedPackets,
    esp: esp.report(keys?.ringSas),
    problems: esp.problems(keys?.ringSas),
    cipher: keys?.cipher ?? null,
    damage: source.damage === undefined ? null : { code: source.damage.code, message: source.damage.message },
    notes: source.notes,
  };
}
