/** Encrypted traffic by SPI and direction: packets, decryption results, sequence gaps, nonces. */
import { DropReason, dropReasonName, Verdict } from '../dataplane/index.js';
import { formatSpi, ReplayVerdict, ReplayWindow } from '../ipsec/index.js';
import type { RingSa } from '../overlay/index.js';
import { formatIp } from '../wire/index.js';
import type { AddressTable } from './address-table.js';
import { CipherForm } from './cipher-form.js';
import type { EspPacket, EspSink } from './esp-packet.js';
import { NonceTable, NonceVerdict } from './nonce-table.js';
import type { EspReport, Problem } from './report.js';
import { SpiTable } from './spi-table.js';

/** Maximum number of IVs compared with each other, over all SPIs. */
const MAX_NONCES = 1 << 19;
/** How far behind the highest sequence number a late packet may be and still fill its gap. */
const REORDER_WINDOW = 1024;

/** Counts of an SPI in addition to its totals. */
interface EspCounts {
  opened: number;
  /** Packets that weren't decrypted, by drop reason. */
  readonly failed: Map<DropReason, number>;
  readonly sequences: ReplayWindow;
  /** Packets with the sequence number of another packet. */
  repeatedSequences: number;
  /** What the packet sizes reveal about the cipher, and packets with another packet's IV. */
  readonly form: CipherForm;
  /** Bit-identical repetitions of a packet. */
  duplicates: number;
}

/**
 * Whether a packet is evidence of its sequence number: with keys, only if its ICV was verified, since others may be
 * forged.
 */
export function provesSequence(verdict: Verdict, decoder: Pick<EspPacket, 'opened' | 'reason'>): boolean {
  if (verdict === Verdict.Esp || decoder.opened) return true;
  const { reason } = decoder;
  return reason === DropReason.EspNoSa || reason === DropReason.EspDummy || reason === DropReason.EspBadPadding;
}

/** Counts encrypted traffic in bounded memory. */
export class EspSurvey implements EspSink {
  readonly spis: SpiTable;
  /** Ids of the last packet's addresses. */
  source = -1;
  destination = -1;
  /** What the last packet's IV is. */
  nonce: NonceVerdict = NonceVerdict.New;
  readonly #addresses: AddressTable;
  readonly #counts: EspCounts[] = [];
  readonly #nonces = new NonceTable(MAX_NONCES);
  #untracked = 0;

  /**
   * @param addresses assigns ids to addresses
   * @param limit maximum number of rows
   */
  constructor(addresses: AddressTable, limit: number) {
    this.#addresses = addresses;
    this.spis = new SpiTable(limit);
  }

  /**
   * Counts the packet that the decoder processed last, which must be ESP.
   * @returns the id of its row, or -1 if the table is full
   */
  add(decoder: EspPacket, verdict: Verdict): number {
    const { spi, sequence, espInUdp, espFamily, espAddresses } = decoder;
    const source = this.#addresses.at(espFamily, espAddresses, 0);
    const destination = this.#addresses.at(espFamily, espAddresses, espFamily === 4 ? 4 : 16);
    this.source = source;
    this.destination = destination;
    this.nonce = NonceVerdict.New;
    const id = this.spis.add(spi, sequence, source, destination, espInUdp, decoder.espBytes);
    if (id < 0) return id;
    if (id === this.#counts.length) this.#counts.push(newCounts());
    const counts = this.#counts[id];
    if (decoder.opened) counts.opened++;
    else if (verdict === Verdict.Dropped)
      counts.failed.set(decoder.reason, (counts.failed.get(decoder.reason) ?? 0) + 1);
    if (!provesSequence(verdict, decoder)) {
      if (decoder.reason === DropReason.EspReplayed) counts.repeatedSequences++;
      return id;
    }
    const { form } = counts;
    form.add(decoder.espBytes);
    const high = decoder.sequenceHigh;
    const replay = counts.sequences.check(high, sequence);
    if (replay === ReplayVerdict.Fresh) counts.sequences.update(high, sequence);
    else if (replay === ReplayVerdict.Replayed) counts.repeatedSequences++;
    if (!decoder.hasIv) return id;
    const { ivHigh, ivLow, icvEnd, afterIv, espBytes } = decoder;
    this.nonce = this.#nonces.add(id, ivHigh, ivLow, icvEnd, afterIv, espBytes);
    switch (this.nonce) {
      case NonceVerdict.Reused:
        form.reused++;
        break;
      case NonceVerdict.SameStart:
        form.sameStart++;
        break;
      case NonceVerdict.SamePacket:
        counts.duplicates++;
        break;
      case NonceVerdict.Untracked:
        this.#untracked++;
        break;
      default:
        break;
    }
    return id;
  }

  /**
   * Returns the counts, one row per SPI and direction.
   * @param made the SAs derived from a key ring
   */
  report(made: readonly RingSa[] = []): EspReport[] {
    const keys = new Map<string, RingSa>();
    for (const entry of made) keys.set(saName(entry.sa.spi, formatIp(entry.sa.family, entry.sa.destination)), entry);
    return this.spis.rows.map((row, id) => {
      const counts = this.#counts[id];
      const destination = this.#addresses.text(row.destination);
      const key = keys.get(saName(row.spi, destination));
      const failed: Record<string, number> = {};
      for (const [reason, count] of counts.failed) failed[dropReasonName(reason)] = count;
      return {
        ...row,
        spi: formatSpi(row.spi),
        source: this.#addresses.text(row.source),
        destination,
        opened: counts.opened,
        failed,
        missingSequences: counts.sequences.missing,
        repeatedSequences: counts.repeatedSequences,
        nonceReused: isGcm(counts) || counts.form.mayBeGcm ? repeatedIvs(counts) : 0,
        ivRepeated: repeatedIvs(counts),
        duplicates: counts.duplicates,
        key: key === undefined ? null : { tag: key.tag, spiForm: key.form },
      };
    });
  }

  /** Problems to report to the user. */
  problems(made: readonly RingSa[] = []): Problem[] {
    const problems: Problem[] = [];
    const add = (code: string, severity: Problem['severity'], count: number, message: string): void => {
      if (count > 0) problems.push({ code, severity, count, message });
    };
    const sum = (of: (counts: EspCounts) => number): number =>
      this.#counts.reduce((total, counts) => total + of(counts), 0);
    const known = sum((counts) => (isGcm(counts) ? repeatedIvs(counts) : 0));
    const possible = sum((counts) => (!isGcm(counts) && counts.form.mayBeGcm ? repeatedIvs(counts) : 0));
    add(
      'NONCE_REUSED',
      'warning',
      known + possible,
      'ESP packets that reuse the nonce of another packet of their SPI: under one key that breaks both' +
        (possible === 0 ? '' : ' (if the cipher is AES-GCM, as their sizes allow; no key confirms it)'),
    );
    add(
      'IV_REPEATED',
      'note',
      sum((counts) => (isGcm(counts) || counts.form.mayBeGcm ? 0 : repeatedIvs(counts))),
      'ESP packets that repeat the first 8 bytes after the sequence number of another packet of their SPI; their sizes' +
        ' rule out AES-GCM: a block cipher such as AES-CBC with a fixed IV, or no encryption',
    );
    const short = made.filter(({ form, sa }) => form === 'short' && sa.family === 4).length;
    const mapped = made.filter(({ form, sa }) => form === 'mapped' && sa.family === 4).length;
    add(
      'SPI_FORM_SHORT',
      'warning',
      short,
      'SPIs derived from 4-byte addresses (Docker 25.0.13 and 25.0.14, 28.2.2, 29.0.0 to 29.2.0), unknown to other versions' +
        (mapped > 0 ? `; ${mapped} SPIs have the usual form: these nodes can't decrypt each other's packets` : ''),
    );
    add(
      'SEQUENCE_GAP',
      'note',
      sum((counts) => counts.sequences.missing),
      'ESP sequence numbers missing between the first and the last: lost, or not recorded',
    );
    add(
      'ESP_SEEN_AGAIN',
      'note',
      sum((counts) => counts.duplicates),
      'bit-identical repetitions of ESP packets: recorded on two interfaces, or replayed',
    );
    add(
      'NONCE_UNTRACKED',
      'note',
      this.#untracked,
      `ESP packets after the first ${MAX_NONCES}, whose nonces were not compared`,
    );
    return problems;
  }
}

function saName(spi: number, destination: string): string {
  return `${spi} ${destination}`;
}

/** Whether a key decrypted packets: all supported ciphers are AES-GCM. */
function isGcm({ opened }: EspCounts): boolean {
  return opened > 0;
}

/** Packets with another packet's IV. */
function repeatedIvs({ form }: EspCounts): number {
  return form.reused + form.sameStart;
}

function newCounts(): EspCounts {
  return {
    opened: 0,
    failed: new Map(),
    sequences: new ReplayWindow(REORDER_WINDOW, true),
    repeatedSequences: 0,
    form: new CipherForm(),
    duplicates: 0,
  };
}
