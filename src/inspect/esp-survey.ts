/** Encrypted traffic by SPI and direction: what came, what could be opened and what not, gaps, nonces. */
import { DropReason, dropReasonName } from '../dataplane/drop-reason.js';
import type { UnderlayDecoder } from '../dataplane/underlay-decoder.js';
import { Verdict } from '../dataplane/verdict.js';
import { formatSpi, ReplayVerdict, ReplayWindow } from '../ipsec/index.js';
import type { RingSa } from '../overlay/index.js';
import { formatIp } from '../wire/index.js';
import type { AddressTable } from './address-table.js';
import { CipherForm } from './cipher-form.js';
import { NonceTable, NonceVerdict } from './nonce-table.js';
import type { EspReport, Problem } from './report.js';
import { SpiTable } from './spi-table.js';

/** IVs that are compared with each other at the most, of all SPIs together. */
const MAX_NONCES = 1 << 19;
/** Sequence numbers that a late packet may lie back and still fill its gap. */
const REORDER_WINDOW = 1024;

/** What is counted of an SPI besides its totals. */
interface EspCounts {
  opened: number;
  /** Packets that were not opened, by drop reason. */
  readonly failed: Map<DropReason, number>;
  readonly sequences: ReplayWindow;
  /** Packets whose sequence number another one had. */
  repeatedSequences: number;
  /** What the packets' form says of their cipher, and whose IV another packet had. */
  readonly form: CipherForm;
  /** Packets that came once more, bit for bit. */
  seenAgain: number;
}

/** Whether a packet is a witness of sequence numbers: where there are keys to ask, its ICV must have been found right. */
export function isWitness(verdict: Verdict, decoder: UnderlayDecoder): boolean {
  if (verdict === Verdict.Esp || decoder.opened) return true;
  const { reason } = decoder;
  return reason === DropReason.EspNoSa || reason === DropReason.EspDummy || reason === DropReason.EspBadPadding;
}

/** Counts of encrypted traffic, in bounded memory. */
export class EspSurvey {
  readonly spis: SpiTable;
  /** Numbers of the last packet's addresses. */
  source = -1;
  destination = -1;
  readonly #addresses: AddressTable;
  readonly #counts: EspCounts[] = [];
  readonly #nonces = new NonceTable(MAX_NONCES);
  #untracked = 0;

  /**
   * @param addresses where addresses are numbered
   * @param limit rows at the most
   */
  constructor(addresses: AddressTable, limit: number) {
    this.#addresses = addresses;
    this.spis = new SpiTable(limit);
  }

  /**
   * Counts the packet that went through the decoder last, which must have been encrypted.
   * @returns the number of its row, or -1 if it found no room
   */
  add(decoder: UnderlayDecoder, verdict: Verdict): number {
    const { spi, sequence, espInUdp, espFamily, espAddresses } = decoder;
    const source = this.#addresses.at(espFamily, espAddresses, 0);
    const destination = this.#addresses.at(espFamily, espAddresses, espFamily === 4 ? 4 : 16);
    this.source = source;
    this.destination = destination;
    const id = this.spis.add(spi, sequence, source, destination, espInUdp, decoder.espBytes);
    if (id < 0) return id;
    if (id === this.#counts.length) this.#counts.push(newCounts());
    const counts = this.#counts[id];
    if (decoder.opened) counts.opened++;
    else if (verdict === Verdict.Dropped)
      counts.failed.set(decoder.reason, (counts.failed.get(decoder.reason) ?? 0) + 1);
    if (!isWitness(verdict, decoder)) {
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
    switch (this.#nonces.add(id, ivHigh, ivLow, icvEnd, afterIv, espBytes)) {
      case NonceVerdict.Reused:
        form.reused++;
        break;
      case NonceVerdict.SameStart:
        form.sameStart++;
        break;
      case NonceVerdict.SamePacket:
        counts.seenAgain++;
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
   * What was counted, a row for each SPI and direction.
   * @param made the SAs that came from a key ring
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
        seenAgain: counts.seenAgain,
        key: key === undefined ? null : { tag: key.tag, spiForm: key.form },
      };
    });
  }

  /** What a user should know. */
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
      'ESP packets with a nonce that another packet of their SPI had: under one key that gives both away' +
        (possible === 0
          ? ''
          : ' (if the cipher is AES-GCM, as it may be by their form; no key was given that says so)'),
    );
    add(
      'IV_REPEATED',
      'note',
      sum((counts) => (isGcm(counts) || counts.form.mayBeGcm ? 0 : repeatedIvs(counts))),
      'ESP packets whose first 8 bytes after the sequence number another one of their SPI had; by their form the cipher is' +
        ' not AES-GCM: a block cipher such as AES-CBC with a fixed IV, or none',
    );
    const short = made.filter(({ form, sa }) => form === 'short' && sa.family === 4).length;
    const mapped = made.filter(({ form, sa }) => form === 'mapped' && sa.family === 4).length;
    add(
      'SPI_FORM_SHORT',
      'warning',
      short,
      'SPIs made of 4-byte addresses (Docker 25.0.13 and 25.0.14, 28.2.2, 29.0.0 to 29.2.0), which no other version knows' +
        (mapped > 0 ? `; ${mapped} SPIs are of the usual form: these nodes can't hear each other` : ''),
    );
    add(
      'SEQUENCE_GAP',
      'note',
      sum((counts) => counts.sequences.missing),
      'ESP sequence numbers between the first and the last that the capture does not hold: lost, or not recorded',
    );
    add(
      'ESP_SEEN_AGAIN',
      'note',
      sum((counts) => counts.seenAgain),
      'ESP packets that came once more, bit for bit: recorded on two interfaces, or replayed',
    );
    add(
      'NONCE_UNTRACKED',
      'note',
      this.#untracked,
      `ESP packets beyond the first ${MAX_NONCES}, whose nonces were not compared with each other`,
    );
    return problems;
  }
}

function saName(spi: number, destination: string): string {
  return `${spi} ${destination}`;
}

/** Whether a key opened packets: all that are read are AES-GCM's. */
function isGcm({ opened }: EspCounts): boolean {
  return opened > 0;
}

/** Packets with an IV that another one had. */
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
    seenAgain: 0,
  };
}
