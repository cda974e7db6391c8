/** Asks a running node for its status. */
import { request } from 'node:http';
import { LiveError } from '../error.js';
import type { StatusSelection } from './status-document.js';

/** Largest answer in bytes that is read. */
const MAX_BYTES = 1 << 28;
const TIMEOUT = 10_000;

/** A document as read: sections by name, beside the `version`. */
export type StatusDocument = Readonly<Record<string, unknown>> & { readonly version: number };

/**
 * Asks for sections of a node's status.
 * @param path its socket
 * @param milliseconds how long to wait for each part of the answer
 * @throws LiveError `NOT_THERE` if no process listens there, `NOT_PERMITTED`, `STATUS_UNUSABLE` if what answers isn't a
 * node
 */
export async function readStatus(
  path: string,
  { sections, rows }: StatusSelection,
  milliseconds = TIMEOUT,
): Promise<StatusDocument> {
  const query = new URLSearchParams({ rows: String(rows) });
  for (const name of sections) query.append('section', name);
  const text = await new Promise<string>((done, fail) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const asked = request({ socketPath: path, path: `/v1/status?${query.toString()}`, agent: false }, (answer) => {
      answer.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > MAX_BYTES) asked.destroy(new Error(`its answer exceeds ${MAX_BYTES} bytes`));
        else chunks.push(chunk);
      });
      answer.once('error', fail);
      answer.once('end', () => {
        if (answer.statusCode === 200) done(Buffer.concat(chunks).toString());
        else fail(new Error(`it answers with status ${answer.statusCode}`));
      });
    });
    asked.setTimeout(milliseconds, () => asked.destroy(new Error(`it doesn't answer within ${milliseconds / 1000} s`)));
    asked.once('error', fail);
    asked.end();
  }).catch((error: unknown) => {
    throw readFailed(path, error as NodeJS.ErrnoException);
  });
  return documentOf(path, text);
}

function documentOf(path: string, text: string): StatusDocument {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new LiveError('STATUS_UNUSABLE', `${path}: its answer isn't JSON`, { cause: error });
  }
  if (typeof document !== 'object' || document === null || !('version' in document)) {
    throw new LiveError('STATUS_UNUSABLE', `${path}: its answer isn't a status`);
  }
  return document as StatusDocument;
}

function readFailed(path: string, error: NodeJS.ErrnoException): LiveError {
  switch (error.code) {
    case 'ENOENT':
      return new LiveError('NOT_THERE', `${path}: there is no such socket`, { cause: error });
    case 'ECONNREFUSED':
      return new LiveError('NOT_THERE', `${path}: no process listens there`, { cause: error });
    case 'ENOTSOCK':
      return new LiveError('STATUS_UNUSABLE', `${path}: not a socket`, { cause: error });
    case 'EACCES':
    case 'EPERM':
      return new LiveError('NOT_PERMITTED', `${path}: permission denied; ask as the user that runs the node`, {
        cause: error,
      });
    default:
      return new LiveError('STATUS_UNUSABLE', `${path}: ${error.message}`, { cause: error });
  }
}
