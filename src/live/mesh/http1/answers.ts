/** What the mesh answers by itself: text for people. */
import { STATUS_CODES } from 'node:http';
import { Failure } from '../exchange.js';

/** Most hosts that a page names. */
const MAX_HOSTS = 1000;

/** How an answer is sent. */
export interface AnswerForm {
  /** Whether it answers HEAD: it has no content then. */
  readonly isHead: boolean;
  /** Whether the connection ends with it. */
  readonly closes: boolean;
  /** More lines, with their ends. */
  readonly lines: string;
}

/** The content of a response without a backend: the status, and why, in text for people. */
export function answerBody(status: number, why: string): string {
  return `${status} ${STATUS_CODES[status] ?? ''}\n${why === '' ? '' : `${why}\n`}`;
}

/**
 * A response without a backend.
 * @param why text, for people
 */
export function answerText(status: number, why: string, { isHead, closes, lines }: AnswerForm): string {
  const reason = STATUS_CODES[status] ?? '';
  const body = answerBody(status, why);
  const head = [
    `HTTP/1.1 ${status} ${reason}\r\n`,
    'Content-Type: text/plain; charset=utf-8\r\n',
    `Content-Length: ${Buffer.byteLength(body)}\r\n`,
    'Cache-Control: no-store\r\n',
    lines,
    closes ? 'Connection: close\r\n' : '',
    '\r\n',
  ].join('');
  return isHead ? head : head + body;
}

/**
 * The text for an unknown host. The host itself isn't repeated: it could be anything.
 * @param hosts those that are known, if it may know them
 */
export function unknownHost(hosts: readonly string[] | undefined): string {
  const why = 'No service has this host.';
  if (hosts === undefined) return why;
  const more = hosts.length > MAX_HOSTS ? [`and ${hosts.length - MAX_HOSTS} more`] : [];
  return [why, 'These hosts are known:', ...hosts.slice(0, MAX_HOSTS), ...more].join('\n');
}

const WHY: Partial<Record<Failure, string>> = {
  [Failure.NoBackend]: 'No task of the service takes connections.',
  [Failure.Unreachable]: 'No task of the service can be reached.',
  [Failure.BackendClosed]: 'The service closed the connection.',
  [Failure.BadResponse]: 'The service gave no valid response.',
  [Failure.BackendTimeout]: 'The service took too long.',
  [Failure.ClientTimeout]: 'The request took too long.',
  [Failure.Loop]: 'The request has been here before.',
};

/** The text for a failure. */
export function failureText(failure: Failure): string {
  return WHY[failure] ?? '';
}
