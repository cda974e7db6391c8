/** What the worker does: reads captures, indexes and examines them, and posts what it finds. */
import type { PacketSource } from '../../../src/capture/portable.js';
import { InputKind, readInputs, type ReadInputs } from '../../../src/doctor/index.js';
import { GivenKeys } from '../crypto/given-keys.js';
import { PacketIndexer } from '../index/index.js';
import { type CaptureDecryption, decryptionWith, NO_DECRYPTION } from './capture-decryption.js';
import { ExamPass } from './exam-pass.js';
import { IndexPass } from './index-pass.js';
import { IndexPoster, type Post, tableBuffers } from './index-poster.js';
import { type IndexRequest, IndexWork, type WorkerMessage } from './messages.js';
import { openableCaptures, type RequestedCapture } from './open-captures.js';

/** Milliseconds between messages about the second pass. */
const PROGRESS_MS = 250;

/**
 * Indexes captures. What can't be read is posted as a problem; it doesn't throw for anything that is in a file.
 *
 * Packets are posted while the first pass goes on, at least every 250 ms. The index needs about half of the time that the reports
 * take, so those are made in a second pass; if ESP is decrypted, which takes longer than both, in the same one.
 *
 * Memory: two pieces of a file (`PIECE_BYTES`), the tables of `PacketIndexer` and of `CaptureExam` (70 MB if a capture fills
 * them all), 3 MB of columns, and 16 MB to decrypt.
 * @param post takes messages, and the memory that they hand over
 */
export async function indexCaptures(request: IndexRequest, post: Post): Promise<void> {
  const { work = IndexWork.All } = request;
  const tell = (problem: WorkerMessage): void => {
    post(problem, []);
  };
  const captures = await openableCaptures(request.captures, tell);
  if (captures.length === 0) {
    const message = 'none of the files is a capture that can be read: pcap and pcapng are';
    tell({ kind: 'problem', name: '', message, fatal: true });
    return;
  }
  const { texts, decryption } = await readTexts(request, tell);
  const size = captures.reduce((sum, capture) => sum + capture.size, 0);
  const indexer = work === IndexWork.Reports ? undefined : new PacketIndexer();
  const poster = indexer && new IndexPoster(indexer, post, size);
  const indexed = (): void => {
    if (indexer === undefined) return;
    const tables = indexer.tables();
    post({ kind: 'indexed', tables }, tableBuffers(tables));
  };
  const isOnePass = decryption.isOn && work !== IndexWork.Index;
  if (!isOnePass && indexer !== undefined && poster !== undefined) {
    await index(captures, decryption, indexer, poster);
    indexed();
  }
  if (work === IndexWork.Index) return;
  const reading = isOnePass && indexer !== undefined && poster !== undefined ? { indexer, poster } : undefined;
  const pass = new ExamPass(captures.length, decryption, reading?.indexer);
  await examine(captures, decryption, pass, reading, (position) => {
    post({ kind: 'examined', position, size }, []);
  });
  if (isOnePass) indexed();
  const reports = pass.reports(texts);
  if (indexer === undefined) {
    post({ kind: 'reported', reports }, []);
    return;
  }
  const tables = indexer.tables();
  post({ kind: 'done', reports, tables }, tableBuffers(tables));
}

/** Reads the texts, and the keys in them. */
async function readTexts(
  { texts, decrypt }: IndexRequest,
  tell: (problem: WorkerMessage) => void,
): Promise<{ texts: ReadInputs; decryption: CaptureDecryption }> {
  // Two pastes may have one name, and what a text is, is found by its name.
  const named = texts.map(({ name, text }, i) => {
    const before = texts.slice(0, i).filter((other) => other.name === name).length;
    return { name: before === 0 ? name : `${name} (${before + 1})`, text };
  });
  const read = readInputs(named);
  if (!decrypt) return { texts: read, decryption: NO_DECRYPTION };
  const withKeys = new Set(read.inputs.filter(({ kinds }) => kinds.includes(InputKind.Keys)).map(({ file }) => file));
  const keys = new GivenKeys();
  for (const problem of keys.add(named.filter(({ name }) => withKeys.has(name)))) {
    tell({ kind: 'problem', ...problem, fatal: false });
  }
  return { texts: read, decryption: keys.isEmpty ? NO_DECRYPTION : await decryptionWith(keys) };
}

async function index(
  captures: readonly RequestedCapture[],
  decryption: CaptureDecryption,
  indexer: PacketIndexer,
  poster: IndexPoster,
): Promise<void> {
  let before = 0;
  for (const capture of captures) {
    const pass = new IndexPass(indexer, decryption.openPass().survey);
    const source = await capture.open();
    begin(indexer, source, capture);
    for await (const batch of decryption.batches(source)) {
      poster.reserve(batch.count, before + source.position);
      pass.addBatch(batch);
      poster.tick(before + source.position);
    }
    indexer.endFile(capture.damage ?? source.damage?.message);
    before += capture.size;
  }
  poster.flush(before);
}

/** @param reading what indexes the packets at the same time */
async function examine(
  captures: readonly RequestedCapture[],
  decryption: CaptureDecryption,
  pass: ExamPass,
  reading: { readonly indexer: PacketIndexer; readonly poster: IndexPoster } | undefined,
  progress: (position: number) => void,
): Promise<void> {
  let before = 0;
  let last = performance.now();
  for (const capture of captures) {
    const source = await capture.open();
    if (reading !== undefined) begin(reading.indexer, source, capture);
    for await (const batch of decryption.batches(source)) {
      reading?.poster.reserve(batch.count, before + source.position);
      pass.addBatch(batch);
      reading?.poster.tick(before + source.position);
      if (reading !== undefined || performance.now() - last < PROGRESS_MS) continue;
      last = performance.now();
      progress(before + source.position);
    }
    reading?.indexer.endFile(capture.damage ?? source.damage?.message);
    pass.endCapture(source);
    before += capture.size;
  }
  reading?.poster.flush(before);
}

function begin(indexer: PacketIndexer, source: PacketSource, { name, size }: RequestedCapture): void {
  const { interfaces, format } = source;
  indexer.beginFile({ name, size, format: format === 'pcapng' ? format : 'pcap', interfaces });
}
