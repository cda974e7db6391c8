/** Why bytes are not a message of protobuf. */

/** Names of the faults that the reader finds, with a text for people: the end of a sentence. */
export const PROTOBUF_FAULTS = {
  /** Ends inside a field. */
  truncated: 'ends inside a field',
  'bad-protobuf': 'has a field of the wrong type or number, or an integer longer than 64 bits',
  'bad-text': 'has text that is not UTF-8',
  'bad-number': 'has a number out of its range',
  /** Longer than its limit. */
  'too-large': 'has a field longer than allowed',
} as const;

/** Name of a fault. */
export type ProtobufFault = keyof typeof PROTOBUF_FAULTS;
