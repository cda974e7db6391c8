import { VtepError } from '../error.js';

/** What can be wrong with a description of the network or its keys. */
export type OverlayErrorCode =
  /** The input contains no keys. */
  | 'NO_KEYS'
  /** An invalid key ring. */
  | 'BAD_KEY_RING'
  /** A key that protects nothing: a single repeated byte, or the same key under two tags. */
  | 'WEAK_KEY'
  /** Use of a key that was already wiped. */
  | 'KEY_WIPED'
  /** Invalid options of a forwarding table, or a target out of range. */
  | 'BAD_TABLE'
  | 'BAD_PREFIX'
  /** An MTU too small for the headers. */
  | 'BAD_MTU'
  /** An invalid config. */
  | 'BAD_CONFIG'
  /** A change that is invalid for the current topology. */
  | 'BAD_CHANGE'
  /** Output of Docker or the kernel that can't be parsed. */
  | 'BAD_IMPORT'
  /** An invalid rotation schedule or clock. */
  | 'BAD_SCHEDULE'
  /** What Docker refuses; the message has its words. */
  | 'REFUSED'
  /** No subnet is left in the address pools. */
  | 'NO_SUBNET'
  /** No VNI is left. */
  | 'NO_VNI'
  /** No address of a network is left. */
  | 'NO_ADDRESS'
  /** No published port is left. */
  | 'NO_PORT';

/** A place in a file; both count from 1. */
export interface FilePosition {
  readonly line: number;
  readonly column: number;
}

/** An error of the overlay module. Its message never contains a key. */
export class OverlayError extends VtepError<OverlayErrorCode> {
  /** Where in the file it is, if it is about a place; the message begins with it. */
  readonly position: FilePosition | undefined;

  /** @param options `position` is where in the file the error is; it is put before the message */
  constructor(code: OverlayErrorCode, message: string, options: ErrorOptions & { position?: FilePosition } = {}) {
    const { position, ...rest } = options;
    super(code, position === undefined ? message : `${placeText(position)}${message}`, rest);
    this.position = position;
  }

  /** The message without the position, for those who write it differently. */
  get reason(): string {
    return this.position === undefined ? this.message : this.message.slice(placeText(this.position).length);
  }
}

function placeText({ line, column }: FilePosition): string {
  return `line ${line}, column ${column}: `;
}
