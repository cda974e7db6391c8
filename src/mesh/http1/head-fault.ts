/** Why the head of a message is refused. */

/** What is wrong with a head. It goes to the access log by its name. */
export const HeadFault = {
  None: 0,
  /** A request line that isn't METHOD SP TARGET SP VERSION. */
  BadRequestLine: 1,
  /** A status line that isn't VERSION SP 3DIGIT SP REASON. */
  BadStatusLine: 2,
  /** A target of more than 8 KiB. */
  LongTarget: 3,
  /** Neither HTTP/1.0 nor HTTP/1.1. */
  BadVersion: 4,
  /** A name that is no token, or has a space before its colon. */
  BadFieldName: 5,
  /** A control character in a value. */
  BadFieldValue: 6,
  /** A line that continues the one before (obs-fold). */
  FoldedField: 7,
  /** A line that ends with LF alone, or has a CR inside. */
  BadLineEnd: 8,
  /** More than 128 fields. */
  ManyFields: 9,
  /** More than 32 KiB. */
  LongHead: 10,
  /** None in HTTP/1.1, several, or one that is no host. */
  BadHost: 11,
  /** Several lengths, or one that is no number. */
  BadContentLength: 12,
  /** Both a length and a transfer coding: what others would disagree about. */
  LengthAndCoding: 13,
  /** A transfer coding other than exactly one "chunked", or one in HTTP/1.0. */
  BadTransferCoding: 14,
  /** A connection option that names a field which decides where the message goes or ends. */
  BadConnectionOption: 15,
  /** An expectation other than 100-continue. */
  BadExpectation: 16,
  /** CONNECT, and targets that aren't for a reverse proxy. */
  BadMethod: 17,
  /** A field in HTTP/2 that is about a connection of HTTP/1: backends of HTTP/1 would act on it. */
  ConnectionField: 18,
} as const;
export type HeadFault = (typeof HeadFault)[keyof typeof HeadFault];

const BAD_REQUEST = 400;
const STATUS: Partial<Record<HeadFault, number>> = {
  [HeadFault.LongTarget]: 414,
  [HeadFault.BadVersion]: 505,
  [HeadFault.ManyFields]: 431,
  [HeadFault.LongHead]: 431,
  [HeadFault.BadTransferCoding]: 501,
  [HeadFault.BadExpectation]: 417,
  [HeadFault.BadMethod]: 405,
};

/** The status that a client gets for a request with this fault (RFC 9110 section 15.5, RFC 6585). */
export function statusOf(fault: HeadFault): number {
  return STATUS[fault] ?? BAD_REQUEST;
}

const NAMES = new Map<number, string>(Object.entries(HeadFault).map(([name, value]) => [value, name]));

/** The fault's name in the access log: `bad-host`. */
export function faultName(fault: HeadFault): string {
  const name = NAMES.get(fault) ?? 'None';
  return name.replaceAll(/(?<=.)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
}
