/** Where facts were read. */

/** A part of an input: a line of a text, or a packet of a capture. */
export interface Place {
  /** Name of the file, as given. */
  readonly file: string;
  /** Line from 1; undefined for captures and for whole files. */
  readonly line?: number;
  /** Packet number from 1, as Wireshark counts. */
  readonly packet?: number;
  /** Network namespace that the fact is from, as the output names it; undefined for the host's, or if unknown. */
  readonly namespace?: string;
}

/** A fact with its place. */
export interface Placed {
  readonly place: Place;
}
