/** A file that the page reads in ranges (RFC 9110 section 14), so that a capture of any size needs no copy. */
import { closeSync, createReadStream, fstatSync, openSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** A range of bytes; `to` is the offset of the last one. */
interface ByteRange {
  readonly from: number;
  readonly to: number;
}

const RANGE = /^bytes=(\d{0,16})-(\d{0,16})$/;

/**
 * The range that a request asks for (RFC 9110 section 14.1.2).
 * @returns undefined for the whole file, also if the header is none that we understand; null if the file has no such bytes
 */
export function rangeOf(header: string | undefined, size: number): ByteRange | null | undefined {
  const match = header === undefined ? null : RANGE.exec(header);
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const [, first, last] = match;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? null : { from: size - length, to: size - 1 };
  }
  const from = Number(first);
  const to = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < from) return undefined;
  return from < size ? { from, to } : null;
}

/** Sends a file or a range of it. The file is opened for each request: it may be replaced by a longer one meanwhile. */
export function sendFile(path: string, request: IncomingMessage, response: ServerResponse): void {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    response.writeHead(410, { 'content-type': 'text/plain' }).end('the file is gone, or can no longer be read\n');
    return;
  }
  const { size, mtimeMs, ino } = fstatSync(file);
  response.setHeader('etag', `"${ino.toString(36)}-${size.toString(36)}-${Math.round(mtimeMs).toString(36)}"`);
  response.setHeader('accept-ranges', 'bytes');
  response.setHeader('content-type', 'application/octet-stream');
  const range = rangeOf(request.headers.range, size);
  if (range === null) {
    closeSync(file);
    response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
    return;
  }
  const { from, to } = range ?? { from: 0, to: size - 1 };
  if (range !== undefined) response.setHeader('content-range', `bytes ${from}-${to}/${size}`);
  response.writeHead(range === undefined ? 200 : 206, { 'content-length': to - from + 1 });
  if (request.method === 'HEAD' || to < from) {
    closeSync(file);
    response.end();
    return;
  }
  const stream = createReadStream('', { fd: file, start: from, end: to });
  // Headers are gone: the only way to say that the bytes end early is to end the connection.
  stream.on('error', () => response.destroy());
  response.on('close', () => stream.destroy());
  stream.pipe(response);
}
