/** The report of `decap`, as text or JSON. */
import type { PacketSource } from '../../capture/index.js';
import { DropReason, dropReasonName, dropReasonText, guessText, type UnderlayDecoder } from '../../dataplane/index.js';
import { type DecapNetwork, networkText } from '../../frames/internal.js';
import { decoderAccounting, type EspSurvey } from '../../inspect/internal.js';
import { sayNotes } from './capture-input.js';
import type { OpenedKeys } from '../keys/key-files.js';
import { filteredText } from './survey-tables.js';
import { grouped } from '../table.js';
import { say } from '../text-output.js';

/** A finished decapsulation. */
export interface Decapsulation {
  /** The captures, in order. */
  readonly sources: readonly PacketSource[];
  /** The output file. */
  readonly output: string;
  readonly decoder: UnderlayDecoder;
  readonly esp: EspSurvey;
  readonly networks: readonly DecapNetwork[];
  readonly keys: OpenedKeys | undefined;
  /**
   * Truncated frames that were written.
   * @default 0
   */
  readonly truncated?: number;
  /**
   * Frames of packets with no timestamp or an absurd one, which were written with the time 1970-01-01.
   * @default 0
   */
  readonly timeless?: number;
}

/** Drops that don't leave a gap in the output. */
const HARMLESS: ReadonlySet<number> = new Set([
  DropReason.DuplicateFragment,
  DropReason.EspReplayed,
  DropReason.EspDummy,
]);

/** Packets that may be missing from the output. */
export function lost(drops: Float64Array): number {
  return drops.reduce((sum, count, reason) => (HARMLESS.has(reason) ? sum : sum + count), 0);
}

/** Prints the report on standard error. */
export function sayDecap(done: Decapsulation): void {
  const { sources, decoder, esp, networks, output, keys, truncated = 0, timeless = 0 } = done;
  const drops = decoder.drops.counts;
  const vnis = [...networks].sort((a, b) => a.vni - b.vni).map(networkText);
  const shown = vnis.slice(0, 10).join(', ') + (vnis.length > 10 ? ', ...' : '');
  say(`${grouped(decoder.frames)} frames${vnis.length > 0 ? ` of VNI ${shown}` : ''} -> ${output}`);
  const dropped = drops.reduce((sum, count) => sum + count, 0);
  say(
    `${grouped(decoder.packets)} packets = ${grouped(decoder.framePackets)} with inner frames + ` +
      `${grouped(decoder.espPackets)} ESP + ${grouped(decoder.otherPackets)} other + ${grouped(decoder.held)} held + ` +
      `${grouped(dropped)} dropped` +
      (decoder.filtered.packets === 0 ? '' : ` + ${grouped(decoder.filtered.packets)} filtered`),
  );
  if (decoder.filtered.packets > 0) {
    say(`  filtered ${filteredText(decoder.filtered.vnis, decoder.filtered.packets)}`);
  }
  if (keys !== undefined) {
    say(`  ${grouped(decoder.openedPackets)} ESP packets decrypted by ${keys.cipher.name}`);
    for (const { code, count, message } of esp.problems(keys.ringSas)) say(`  ${code} ${grouped(count)}: ${message}`);
  }
  drops.forEach((count, reason) => {
    if (count === 0) return;
    const whose = reason === DropReason.VxlanReservedBits ? `: ${decoder.reserved.text}` : '';
    say(`  dropped ${grouped(count)} ${dropReasonName(reason)}: ${dropReasonText(reason)}${whose}`, 'red');
  });
  for (const guess of decoder.guess.ports) say(`  ${grouped(guess.packets)} ${guessText(guess)}`);
  const clear = networks.reduce((sum, row) => sum + (row.encrypted > 0 ? row.frames - row.encrypted : 0), 0);
  if (clear > 0)
    say(`  CLEAR_VXLAN ${grouped(clear)}: clear frames of a VNI that is otherwise encrypted; also written`, 'yellow');
  if (truncated > 0) say(`  ${grouped(truncated)} truncated frames written`);
  if (timeless > 0) say(`  ${grouped(timeless)} frames without a timestamp written as of 1970-01-01`);
  if (decoder.held > 0) say(`  held ${grouped(decoder.held)} fragments: the rest isn't in the capture`);
  if (decoder.espPackets > 0) {
    say(`  ${grouped(decoder.espPackets)} ESP packets skipped (--keys decrypts them)`, 'yellow');
  }
  sources.forEach(sayNotes);
}

/** The object of `--json`. */
export function decapReport(done: Decapsulation): object {
  const { sources, output, decoder, esp, networks, keys, truncated = 0, timeless = 0 } = done;
  const damaged = sources.find(({ damage }) => damage !== undefined);
  const about = ({ name }: PacketSource, { message }: { readonly message: string }): string =>
    sources.length === 1 ? message : `${name}: ${message}`;
  return {
    file: sources.map(({ name }) => name).join(', '),
    files: sources.map(({ name }) => name),
    output,
    packets: decoder.packets,
    frames: decoder.frames,
    truncated,
    timeless,
    accounting: decoderAccounting(decoder),
    filtered: decoder.filtered.vnis,
    vxlanPorts: decoder.guess.ports,
    networks: [...networks].sort((a, b) => a.vni - b.vni),
    opened: decoder.openedPackets,
    esp: esp.report(keys?.ringSas),
    problems: esp.problems(keys?.ringSas),
    cipher: keys?.cipher ?? null,
    damage:
      damaged?.damage === undefined ? null : { code: damaged.damage.code, message: about(damaged, damaged.damage) },
    notes: sources.flatMap((source) => source.notes.map((note) => ({ ...note, message: about(source, note) }))),
  };
}
