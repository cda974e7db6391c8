/**
 * Shows the inner frames of a capture, clear or encrypted. Everything happens in the page: no byte of a file leaves it.
 */
import {
  type ByteReader,
  EthernetView,
  forgeBackend,
  forgeHkdfSha256,
  formatIp,
  formatMac,
  InboundEsp,
  InboundSa,
  openCapture,
  parseKeys,
  RingResolver,
  Sad,
  Survey,
  type SurveyReport,
  Verdict,
  VtepError,
} from 'vtep/native-free';

/** Number of rows that a browser lays out quickly; further frames are only counted. */
const MAX_ROWS = 1000;
/** Maximum size of a key file in bytes; a dump of 10,000 SAs has 8 MB. */
const MAX_KEYS_BYTES = 1 << 26;

/** Reads a file in chunks: a capture of any length takes constant memory. */
class FilePieces implements ByteReader {
  readonly name: string;
  readonly size: number;
  readonly #file: File;
  #at = 0;

  constructor(file: File) {
    this.name = file.name;
    this.size = file.size;
    this.#file = file;
  }

  async read(into: Uint8Array): Promise<number> {
    const piece = this.#file.slice(this.#at, this.#at + into.length);
    into.set(new Uint8Array(await piece.arrayBuffer()));
    this.#at += piece.size;
    return piece.size;
  }

  close(): void {}
}

/** Opens ESP with the keys in a file. */
async function opener(file: File): Promise<InboundEsp> {
  if (file.size > MAX_KEYS_BYTES) throw new VtepError('TOO_LARGE', 'too large for a key file');
  const keys = parseKeys(await file.text());
  const aead = forgeBackend.create();
  const sad = new Sad<InboundSa>();
  // The first packet of a capture is rarely the first of an SA.
  const midStream = true;
  if (keys.kind === 'ring') {
    const { ring, profile } = keys;
    return new InboundEsp(aead, sad, new RingResolver(ring, aead, sad, forgeHkdfSha256, { profile, midStream }));
  }
  for (const association of keys.associations) {
    sad.add(new InboundSa(association, aead, { midStream, inferMode: keys.inferMode, anySource: true }));
  }
  return new InboundEsp(aead, sad);
}

/** The last packet's frame, as the cells of a row. */
function cellsOf({ decoder, inner }: Survey): string[] {
  const { outerBytes: bytes, frameOffset, frameEnd, vni } = decoder;
  const ethernet = new EthernetView().wrap(bytes, frameOffset);
  const { family, addressOffset } = inner;
  const to = addressOffset + (family === 4 ? 4 : 16);
  return [
    String(decoder.packets),
    String(vni),
    formatMac(bytes, ethernet.sourceOffset),
    formatMac(bytes, ethernet.destinationOffset),
    family === 0 ? '' : formatIp(family, bytes, addressOffset),
    family === 0 ? '' : formatIp(family, bytes, to),
    String(frameEnd - frameOffset),
  ];
}

/**
 * Surveys a capture.
 * @param show called with the cells of each inner frame
 * @returns the totals
 */
async function survey(capture: File, keys: File | undefined, show: (cells: string[]) => void): Promise<SurveyReport> {
  const counts = new Survey(keys === undefined ? {} : { esp: await opener(keys) });
  const source = await openCapture(new FilePieces(capture));
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) if (counts.add(batch, i) === Verdict.Frame) show(cellsOf(counts));
  }
  await source.close();
  return counts.report(source);
}

/** An element of index.html. */
function element<T extends HTMLElement>(selector: string, type: new () => T): T {
  const found = document.querySelector(selector);
  if (!(found instanceof type)) throw new VtepError('NO_ELEMENT', `index.html has no ${selector}`);
  return found;
}

const form = element('form', HTMLFormElement);
const capture = element('#capture', HTMLInputElement);
const keys = element('#keys', HTMLInputElement);
const button = element('button', HTMLButtonElement);
const status = element('[role=status]', HTMLElement);
const problems = element('[aria-label=Problems]', HTMLUListElement);
const table = element('table', HTMLTableElement);
const caption = element('caption', HTMLElement);
const rows = element('tbody', HTMLTableSectionElement);

/** Appends a child with a text. Contents of captures and file names are inserted only as text. */
function append(parent: HTMLElement, tag: 'li' | 'td' | 'tr', text = ''): HTMLElement {
  const child = document.createElement(tag);
  child.textContent = text;
  parent.append(child);
  return child;
}

function show(cells: string[]): void {
  if (rows.rows.length >= MAX_ROWS) return;
  const row = append(rows, 'tr');
  for (const cell of cells) append(row, 'td', cell);
}

function showReport({ file, packets, frames, accounting, problems: found }: SurveyReport): void {
  const { inFrames, esp, other, held, dropped } = accounting;
  const drops = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  status.textContent =
    `${file}: ${packets} packets = ${inFrames} with inner frames + ${esp} ESP that no key was given for + ` +
    `${other} other + ${held} held + ${drops} dropped`;
  caption.textContent =
    frames > MAX_ROWS ? `The first ${MAX_ROWS} of ${frames} inner frames` : `${frames} inner frames`;
  table.hidden = frames === 0;
  for (const { severity, count, message } of found) append(problems, 'li', `${severity}: ${count} ${message}`);
}

async function open(file: File): Promise<void> {
  button.disabled = true;
  table.hidden = true;
  problems.replaceChildren();
  rows.replaceChildren();
  status.textContent = `Reading ${file.name}`;
  try {
    showReport(await survey(file, keys.files?.[0], show));
  } catch (error) {
    // For a missing or unreadable file the browser's own error has the reason.
    if (!(error instanceof VtepError || error instanceof DOMException)) throw error;
    status.textContent = `${file.name} can't be opened: ${error.message}`;
  } finally {
    button.disabled = false;
  }
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const file = capture.files?.[0];
  if (file !== undefined) void open(file);
});
