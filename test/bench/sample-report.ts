/** Reports for tests. Their figures are invented; those of `sampleReport` have realistic sizes. */
import fc from 'fast-check';
import { meanBytes } from '../../bench/imix.js';
import { type LineResult, type LiveReport, Traffic } from '../../bench/live/result.js';
import { type BenchReport, type BenchResult, type FrameSize, type PeerResult, Stage } from '../../bench/result.js';

const SIZES: readonly FrameSize[] = [64, 128, 256, 512, 1024, 1400, 8900, 'imix'];

/** Nanoseconds per packet, and per byte. */
const CIPHERS: readonly (readonly [backend: string, packet: number, byte: number])[] = [
  ['ipsec-mb', 85, 0.24],
  ['openssl', 600, 0.26],
  ['node', 4300, 1.1],
  ['forge', 80000, 78],
];

/** A result with the given nanoseconds per packet. */
export function result(of: Partial<BenchResult> & { readonly nsPerPacket: number }): BenchResult {
  const bytes = of.bytes ?? 64;
  const speed = { pps: 1e9 / of.nsPerPacket, bitsPerSecond: (meanBytes(bytes) * 8e9) / of.nsPerPacket };
  const rest = {
    stage: Stage.Egress,
    encrypted: true,
    backend: null,
    batch: 256,
    flows: 1,
    spread: 7,
    best: of.nsPerPacket,
  };
  return { ...rest, ...speed, bytes, ...of };
}

/** Another program's result with the given nanoseconds per packet. */
export function peer(of: Partial<PeerResult> & { readonly nsPerPacket: number }): PeerResult {
  const { stage, bytes, pps, bitsPerSecond, spread } = result({ ...of, bytes: of.bytes ?? 64 });
  return {
    peer: 'createCipheriv',
    what: 'one cipher object per packet',
    stage,
    bytes,
    pps,
    bitsPerSecond,
    spread,
    ...of,
  };
}

/** A report of only these results. */
export function report(results: readonly BenchResult[], peers: readonly PeerResult[] = []): BenchReport {
  const machine = 'AMD EPYC 7B13, 2 cores, Linux 6.1';
  return { machine, node: 'v20.20.2', date: '2026-11-21', results, peers, notMeasured: [] };
}

function sizedResults(bytes: FrameSize, batch: number, flows: number): BenchResult[] {
  const base = { bytes, batch, flows };
  const batched = (nanoseconds: number): number => nanoseconds * (1 + 2 / batch) * (1 + flows / 500);
  const clear = (stage: Stage, nanoseconds: number): BenchResult =>
    result({ ...base, stage, encrypted: false, nsPerPacket: batched(nanoseconds) });
  return [
    clear(Stage.Forward, 24),
    clear(Stage.Encap, 28),
    clear(Stage.Reassemble, 9),
    clear(Stage.Decap, 31),
    clear(Stage.Egress, 66),
    clear(Stage.Ingress, 71),
    ...CIPHERS.flatMap(([backend, packet, byte]) => {
      const cipher = packet + byte * meanBytes(bytes);
      const at = (stage: Stage, nanoseconds: number): BenchResult =>
        result({ ...base, stage, backend, nsPerPacket: batched(nanoseconds) });
      return [
        at(Stage.Seal, cipher + 70),
        at(Stage.Open, cipher + 110),
        at(Stage.Egress, cipher + 140),
        at(Stage.Ingress, cipher + 190),
      ];
    }),
  ];
}

/** A whole run, as the command makes it. */
export function sampleReport(): BenchReport {
  const results = [
    ...SIZES.flatMap((bytes) => sizedResults(bytes, 256, 16)),
    ...[1, 16, 64].flatMap((batch) => sizedResults(1400, batch, 16)),
    ...[1, 100].flatMap((flows) => sizedResults(1400, 256, flows)),
  ];
  const peers = [
    peer({ stage: Stage.Seal, bytes: 1400, nsPerPacket: 5100 }),
    peer({ stage: Stage.Open, bytes: 1400, nsPerPacket: 5200 }),
    peer({ peer: 'ipsec-mb', what: 'in a C loop', stage: Stage.Seal, bytes: 1400, nsPerPacket: 380 }),
    peer({ peer: 'Map', what: 'key built per lookup', stage: Stage.Lookup, bytes: null, nsPerPacket: 1730 }),
    peer({ peer: 'linux vxlan', what: 'encapsulation', stage: Stage.Egress, bytes: 64, nsPerPacket: 1200 }),
  ];
  const missing = { peer: 'gopacket', what: 'DecodingLayerParser', missing: 'Go is not installed (Debian: golang-go)' };
  return { ...report(results, peers), notMeasured: [missing] };
}

/** A run of the live path with three lines. */
export function liveReport(): LiveReport {
  const line = (name: string, gigabits: number, cpu: readonly number[]): LineResult => {
    const median = gigabits * 1e9;
    const figure = { median, min: 0.9 * median, max: 1.1 * median };
    const rate = { traffic: Traffic.Tcp1, offloads: false, unit: 'bit/s', figure, ratio: gigabits / 6.8 };
    return { line: name, ...rate, cpu, retransmits: 0, rounds: [figure.min, median, figure.max] };
  };
  return {
    machine: { cpu: 'AMD EPYC 7B13', cores: 2, kernel: 'Linux 6.1.0', aes: ['AES-NI', 'VAES'] },
    node: 'v20.20.2',
    date: '2026-11-21',
    seconds: 3,
    rounds: 3,
    load: [0.5, 2.25],
    lines: ['kernel->kernel', 'vtep->vtep', 'nebula'].map((name) => ({ line: name, what: 'what it is' })),
    results: [line('kernel->kernel', 6.8, []), line('vtep->vtep', 3.4, [90, 57]), line('nebula', 2, [120, 110])],
    calls: [{ line: 'vtep->vtep', offloads: false, perMegabyte: [56, 117], megabytes: 425 }],
    counts: [],
    notMeasured: [],
  };
}

/** Any text, including characters that XML can't contain and lone surrogates. */
export const anyText: fc.Arbitrary<string> = fc
  .array(fc.oneof(fc.nat(0x7f), fc.nat(0xffff)))
  .map((codes) => String.fromCharCode(...codes));

const numbers = fc.oneof(fc.double(), fc.double({ min: 0, max: 1e6, noNaN: true }), fc.integer());
const sizes = fc.oneof(fc.constantFrom<FrameSize>(...SIZES), numbers);
const texts = fc.oneof(anyText, fc.constantFrom('<&>"\'', ']]>', '--', '|\n|'));
const stages = fc.constantFrom(...Object.values(Stage));
const speeds = { pps: numbers, nsPerPacket: numbers, bitsPerSecond: numbers, spread: numbers };

/** Reports that no run produces: odd names, invalid figures. */
export const anyReport: fc.Arbitrary<BenchReport> = fc.record({
  machine: texts,
  node: texts,
  date: texts,
  results: fc.array(
    fc.record({
      stage: stages,
      encrypted: fc.boolean(),
      bytes: sizes,
      backend: fc.option(fc.oneof(fc.constantFrom('node', 'openssl', 'ipsec-mb'), texts)),
      batch: numbers,
      flows: numbers,
      best: numbers,
      ...speeds,
    }),
  ),
  peers: fc.array(fc.record({ peer: texts, what: texts, stage: stages, bytes: fc.option(sizes), ...speeds })),
  notMeasured: fc.array(fc.record({ peer: texts, what: texts, missing: texts })),
});
