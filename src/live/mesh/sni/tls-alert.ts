/** Alerts to TLS clients whose connection goes nowhere (RFC 8446 section 6.2), in a record that any version understands. */

const ALERT = 21;
const FATAL = 2;

/** Descriptions of alerts. */
export const AlertDescription = {
  /** What the client sent can't be read. */
  DecodeError: 50,
  /** There is no server of the name that the client wants, or it names none (RFC 6066 section 3). */
  UnrecognizedName: 112,
} as const;
export type AlertDescription = (typeof AlertDescription)[keyof typeof AlertDescription];

/** The record of a fatal alert. The version is that of first records: TLS 1.0. */
export function tlsAlert(description: AlertDescription): Uint8Array {
  return Uint8Array.of(ALERT, 3, 1, 0, 2, FATAL, description);
}
