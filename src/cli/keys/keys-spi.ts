/** `vtep keys spi`: computes SPIs as Swarm's nodes do. */
import { deriveSpi, parseIp, SpiForm } from '../../overlay/index.js';
import { formatSpi } from '../../ipsec/index.js';
import { VtepError } from '../../error.js';
import { type ParsedArguments, parseWords, UsageError, wholeNumber } from '../arguments.js';
import type { Command } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { addresses, remarks, table, words } from '../table.js';
import { TextOutput } from '../text-output.js';

const HELP = `vtep keys spi --src IP --dst IP --tag N [OPTIONS]

Computes the SPIs of two nodes for a key's tag, in both directions. They are a
hash of the addresses and the tag; the key itself isn't hashed.

  --src IP, --dst IP the nodes' advertise addresses
  --tag N            the key's Lamport time; may be repeated
  --json             one JSON object

Forms: mapped hashes an IPv4 address as ::ffff:a.b.c.d, short as its 4 bytes
(Docker 29.0.0 to 29.2.0, 28.2.2, 25.0.13 and 25.0.14, which don't interoperate
with any other version). For IPv6 they are the same.`;

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

function addressOf(parsed: ParsedArguments, option: string): Uint8Array {
  const text = parsed.values[option];
  if (typeof text !== 'string') throw new UsageError(`keys spi needs --${option}, a node's address`);
  try {
    return parseIp(text);
  } catch (error) {
    if (error instanceof VtepError) throw new UsageError(`--${option}: ${error.message}`);
    throw error;
  }
}

function tagsOf(parsed: ParsedArguments): number[] {
  const texts = (parsed.values['tag'] as readonly string[] | undefined) ?? [];
  if (texts.length === 0) throw new UsageError("keys spi needs --tag, a key's Lamport time");
  return texts.map((tag) => wholeNumber({ ...parsed, values: { tag } }, 'tag', 0, Number.MAX_SAFE_INTEGER) ?? 0);
}

function warningOf(spi: number): string | undefined {
  if (spi === 0) return 'invalid: no SA may use SPI 0 (RFC 4303 section 2.1)';
  return spi < RESERVED ? 'reserved by IANA (RFC 4303 section 2.1), but Swarm uses it' : undefined;
}

function rowsOf(parsed: ParsedArguments, tags: readonly number[]): SpiRow[] {
  const source = addressOf(parsed, 'src');
  const destination = addressOf(parsed, 'dst');
  const [src, dst] = [parsed.values['src'] as string, parsed.values['dst'] as string];
  if (source.length !== destination.length) {
    throw new UsageError(`${src} and ${dst} are of different IP versions`);
  }
  const forms = source.length === 4 ? [SpiForm.Mapped, SpiForm.Short] : (['any'] as const);
  const directions = [
    [source, destination, src, dst],
    [destination, source, dst, src],
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
export const keysSpiCommand: Command = {
  summary: 'computes the SPIs of two nodes',
  help: HELP,
  run(args) {
    const parsed = parseWords('keys spi', args, {
      src: { type: 'string' },
      dst: { type: 'string' },
      tag: { type: 'string', multiple: true },
      json: { type: 'boolean' },
    });
    if (parsed.operands.length > 0) throw new UsageError('keys spi takes no file; see: vtep keys spi --help');
    const rows = rowsOf(parsed, tagsOf(parsed));
    const output = new TextOutput();
    if (parsed.values['json'] === true) {
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
    return Promise.resolve(ExitCode.Done);
  },
};
