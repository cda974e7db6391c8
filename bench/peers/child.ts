/** Runs one JavaScript peer over a capture and prints one line of JSON: node child.js PEER FILE MILLISECONDS. */
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { openCaptureFile } from '../../src/capture/index.js';
import { median } from '../machine.js';

const LEAST_PASSES = 3;

interface Decoded {
  readonly info: { readonly type: number; readonly protocol: number; readonly dstaddr: string };
  readonly offset: number;
}

/** cap's decoders; they are JavaScript and need no native part. */
interface CapDecoders {
  readonly Ethernet: (bytes: Buffer, offset?: number) => Decoded;
  readonly IPV4: (bytes: Buffer, offset?: number) => Decoded;
  readonly UDP: (bytes: Buffer, offset?: number) => Decoded;
}

type Pass = (path: string) => Promise<{ packets: number; check: number }>;

/** pcap-parser has no decoders: it only reads records. */
async function pcapParser(path: string): Promise<{ packets: number; check: number }> {
  const { parse } = createRequire(import.meta.url)('pcap-parser') as {
    parse: (stream: NodeJS.ReadableStream) => {
      on: ((event: 'packet', listener: () => void) => void) & ((event: 'end' | 'error', listener: () => void) => void);
    };
  };
  let packets = 0;
  await new Promise<void>((resolve, reject) => {
    const parser = parse(createReadStream(path, { highWaterMark: 1 << 20 }));
    parser.on('packet', () => packets++);
    parser.on('end', resolve);
    parser.on('error', reject);
  });
  return { packets, check: 0 };
}

/** cap doesn't know VXLAN: its decoders are called for the outer and the inner packet, over records read by vtep. */
async function cap(path: string): Promise<{ packets: number; check: number }> {
  const { Ethernet, IPV4, UDP } = createRequire(import.meta.url)('cap/lib/Decoders.js') as CapDecoders;
  const source = await openCaptureFile(path);
  let packets = 0;
  let check = 0;
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
    for (let i = 0; i < batch.count; i++) {
      const outer = UDP(bytes, IPV4(bytes, Ethernet(bytes, batch.offset[i]).offset).offset);
      const inner = IPV4(bytes, Ethernet(bytes, outer.offset + 8).offset);
      UDP(bytes, inner.offset);
      const address = inner.info.dstaddr;
      check += Number(address.slice(address.lastIndexOf('.') + 1));
    }
    packets += batch.count;
  }
  await source.close();
  return { packets, check };
}

const PASSES: Readonly<Record<string, Pass>> = { 'pcap-parser': pcapParser, cap };

const [, , name, path, milliseconds] = process.argv;
if (!Object.hasOwn(PASSES, name)) throw new Error(`no peer ${name}`);
const pass = PASSES[name];
const { packets, check } = await pass(path);
const times: number[] = [];
const end = process.hrtime.bigint() + BigInt(milliseconds) * 1_000_000n;
while (times.length < LEAST_PASSES || process.hrtime.bigint() < end) {
  const start = process.hrtime.bigint();
  await pass(path);
  times.push(Number(process.hrtime.bigint() - start));
}
process.stdout.write(`${JSON.stringify({ packets, check, nanoseconds: median(times) })}\n`);
