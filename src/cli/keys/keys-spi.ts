/** `vtep keys spi`: computes SPIs as Swarm's nodes do. */
import { deriveSpi, parseIp, SpiForm } from '../../overlay/index.js';
import { formatSpi } from '../../ipsec/index.js';
import { VtepError } from '../../error.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { flag, option, options, type Values } from '../options/declared.js';
import { integer, type ValueKind } from '../options/value-kinds.js';
import { addresses, remarks, table, words } from '../table.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';

/** An IP address as text and bytes. */
interface Address {
  readonly text: string;
  readonly bytes: Uint8Array;
}

const address: ValueKind<Address> = {
  read(text, name) {
    try {
      return { text, bytes: parseIp(text) };
    } catch (error) {
      if (error instanceof VtepError) throw new UsageError(`${name}: ${error.message}`);
      throw error;
    }
  },
};

const OPTIONS = {
  src: option('--src IP', 'advertise address of one node', address).need(),
  dst: option('--dst IP', 'advertise address of the other node', address).need(),
  tag: options('--tag N', 'Lamport time of a key', integer(0, Number.MAX_SAFE_INTEGER)),
  json: flag('--json', 'print one JSON object'),
};

/** RFC 4303 section 2.1. */
const RESERVED = 256;

/** One SPI. */
interface SpiRow {
  readonly tag: number;
  readonly from: string;
  readonly to: string;
  readonly form: SpiForm | 'any';
  readonly spi: string;
  /** A note about the SPI. */
  readonly warning?: string;
}

function warningOf(spi: number): string | undefined {
  if (spi === 0) return 'invalid: no SA may use SPI 0 (RFC 4303 section 2.1)';
  return spi < RESERVED ? 'reserved by IANA (RFC 4303 section 2.1), but Swarm uses it' : undefined;
}

function rowsOf({ src, dst, tag: tags }: Values<typeof OPTIONS>): SpiRow[] {
  const [source, destination] = [src.bytes, dst.bytes];
  if (source.length !== destination.length) {
    throw new UsageError(`${src.text} and ${dst.text} are of different IP versions`);
  }
  const forms = source.length === 4 ? [SpiForm.Mapped, SpiForm.Short] : (['any'] as const);
  const directions = [
    [source, destination, src.text, dst.text],
    [destination, source, dst.text, src.text],
  ] as const;
  return tags.flatMap((tag) =>
    directions.flatMap(([one, other, from, to]) =>
      forms.map((form): SpiRow => {
        const spi = deriveSpi(one, other, tag, form === 'any' ? SpiForm.Mapped : form);
        const warning = warningOf(spi);
        return { tag, from, to, form, spi: formatSpi(spi), ...(warning === undefined ? {} : { warning }) };
      }),
    ),
  );
}

/** `vtep keys spi`. */
export const keysSpiCommand = declare({
  usage: ['--src IP --dst IP --tag N [OPTIONS]'],
  description: [
    "Computes the SPIs of two nodes for a key's tag, in both directions. They are a hash of the addresses and the tag; " +
      "the key itself isn't hashed.",
  ],
  options: OPTIONS,
  notes: [
    'Forms: mapped hashes an IPv4 address as ::ffff:a.b.c.d, short as its 4 bytes (Docker 29.0.0 to 29.2.0, 28.2.2, ' +
      "25.0.13 and 25.0.14, which don't interoperate with any other version). For IPv6 they are the same.",
  ],
  examples: [
    ['vtep keys spi --src 192.168.50.1 --dst 192.168.50.2 --tag 29944', 'both directions of one key'],
    ['vtep keys spi --src fd00::1 --dst fd00::2 --tag 1 --tag 2 --json', 'two keys, for a program'],
  ],
  run(values) {
    if (values.tag.length === 0) throw new UsageError("keys spi needs --tag N, a key's Lamport time");
    const rows = rowsOf(values);
    const output = new TextOutput();
    if (values.json) {
      output.json({ spis: rows });
    } else {
      const columns = [
        words('tag'),
        addresses('from'),
        addresses('to'),
        words('form', { keep: 1 }),
        words('SPI'),
        remarks(''),
      ];
      const cells = rows.map(({ tag, from, to, form, spi, warning }) => [
        String(tag),
        from,
        to,
        form,
        spi,
        warning ?? '',
      ]);
      for (const line of table(columns, cells)) output.line(line);
    }
    output.flush();
    return ExitCode.Done;
  },
});
