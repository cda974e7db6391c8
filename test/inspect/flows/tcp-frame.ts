/** TCP segments in Ethernet, and captures of them. */
import { MemoryReader, openCapture, type PacketSource, PcapWriter } from '../../../src/capture/index.js';
import { IpProtocol, TCP_HEADER_LEN, TcpFlag, tcpLayout } from '../../../src/wire/index.js';
import { ethernet, ip, join } from '../../dataplane/build.js';

/** A segment of the tests. */
export interface Segment {
  /** Whether side A (10.0.9.3) sends it. Default: true. */
  readonly fromA?: boolean;
  /** Letters of S, A, F, R, P. */
  readonly flags: string;
  readonly sequence: number;
  readonly acknowledgment?: number;
  readonly window?: number;
  /** Bytes of payload. */
  readonly length?: number;
  /** Time in microseconds. */
  readonly at: number;
  /** Port of side A. Default: 40000. */
  readonly port?: number;
}

const LETTERS: Readonly<Record<string, number>> = {
  S: TcpFlag.Syn,
  A: TcpFlag.Ack,
  F: TcpFlag.Fin,
  R: TcpFlag.Rst,
  P: TcpFlag.Psh,
};
export const SIDE_A = '10.0.9.3';
export const SIDE_B = '10.0.9.4';

/** Bits of `TcpFlag`. */
export function flagsOf(letters: string): number {
  return letters.split('').reduce((flags, letter) => flags | LETTERS[letter], 0);
}

/** The frame of a segment. */
export function tcpFrame(segment: Segment): Uint8Array {
  const { fromA = true, flags, sequence, acknowledgment = 0, window = 1000, length = 0, port = 40_000 } = segment;
  const header = new Uint8Array(TCP_HEADER_LEN);
  const bits = flagsOf(flags);
  tcpLayout.encode(
    {
      sourcePort: fromA ? port : 80,
      destinationPort: fromA ? 80 : port,
      sequence: sequence >>> 0,
      acknowledgment: acknowledgment >>> 0,
      dataOffset: 5,
      window,
    },
    header,
  );
  header[13] = bits;
  const [source, destination] = fromA ? [SIDE_A, SIDE_B] : [SIDE_B, SIDE_A];
  return ethernet(ip(4, IpProtocol.Tcp, join(header, new Uint8Array(length)), source, destination), 0x0800);
}

/** A pcap file of frames with times in microseconds. */
export function pcapOf(frames: readonly { readonly frame: Uint8Array; readonly at: number }[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => parts.push(bytes.slice()), { nanoseconds: true });
  for (const { frame, at } of frames) {
    writer.write(frame, 0, frame.length, frame.length, 1_700_000_000 + Math.floor(at / 1e6), (at % 1e6) * 1000);
  }
  writer.flush();
  return Buffer.concat(parts);
}

/** A capture of segments. */
export function captureOf(segments: readonly Segment[]): Promise<PacketSource> {
  const file = pcapOf(segments.map((segment) => ({ frame: tcpFrame(segment), at: segment.at })));
  return openCapture(new MemoryReader(file));
}
