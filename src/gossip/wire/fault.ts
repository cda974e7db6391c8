/** Why bytes are not gossip. Decoding returns one of these names instead of a value, and never throws. */

/** Names of the faults, with a text for people. */
const FAULT_TEXTS = {
  /** Ends inside a message. */
  truncated: 'ends inside a message',
  'not-encrypted': 'is not encrypted, although keys are set',
  'bad-encryption-version': 'has an unknown encryption version',
  /** Encrypted with another key, or damaged: AES-GCM can't tell which. */
  'no-key-fits': 'none of the keys decrypts it',
  'bad-padding': 'has invalid padding',
  'bad-label': 'has a label that is not the one expected',
  'bad-crc': 'has a wrong CRC',
  'bad-lzw': 'has an invalid LZW code',
  'bad-compression': 'has an unknown compression algorithm',
  /** Larger than its limit, possibly only after decompression. */
  'too-large': 'is larger than allowed',
  'too-deep': 'is nested too deeply',
  'too-many': 'contains too many messages',
  'unknown-type': 'has a type that is not known here',
  'bad-msgpack': 'has a MessagePack value of the wrong type',
  'bad-protobuf': 'has a protobuf field of the wrong type or length',
  'bad-text': 'has text that is not UTF-8',
  'name-too-long': 'has a name longer than allowed',
  'bad-number': 'has a number out of its range',
  /** Above 2^53 - 1. */
  'bad-lamport-time': 'has a Lamport time that no cluster reaches',
  'bad-address': 'has an address of neither 4 nor 16 bytes',
  /** The bytes of a table's record are valid, but the texts in it aren't addresses. */
  'bad-record': 'has a record whose address or MAC is not one',
} as const;

/** Name of a fault. */
export type GossipFault = keyof typeof FAULT_TEXTS;

/** All names. */
export const GOSSIP_FAULTS = Object.keys(FAULT_TEXTS) as readonly GossipFault[];

/** What is wrong, as the end of a sentence: `ends inside a message`. */
export function gossipFaultText(fault: GossipFault): string {
  return FAULT_TEXTS[fault];
}

/** Whether decoding failed. */
export function isFault(result: unknown): result is GossipFault {
  return typeof result === 'string';
}
