/** What operations take from outside: time and random bytes. */

export interface ControlContext {
  /** Fills an array with random bytes. */
  readonly random: (bytes: Uint8Array) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 25;
/** Bytes from here on would make the first digits likelier. */
const FAIR = 256 - (256 % DIGITS.length);

/** An id such as Docker's: 25 digits and small letters. */
export function newId(random: (bytes: Uint8Array) => void): string {
  const bytes = new Uint8Array(2 * ID_LENGTH);
  let id = '';
  while (id.length < ID_LENGTH) {
    random(bytes);
    for (const byte of bytes) {
      if (byte < FAIR && id.length < ID_LENGTH) id += DIGITS[byte % DIGITS.length];
    }
  }
  return id;
}

/** A time in milliseconds since 1970 as a record has it. */
export function timeText(now: number): string {
  return new Date(now).toISOString();
}
