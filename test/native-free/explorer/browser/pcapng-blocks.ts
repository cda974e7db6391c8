/** Blocks of pcapng files with whatever texts a test wants in them. */

/** An option: its code and text. */
export interface TextOption {
  readonly code: number;
  readonly text: string;
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => bytes.writeUInt32LE(value, 4 * i));
  return bytes;
}

/** Options, with their end. */
export function options(list: readonly TextOption[]): Buffer {
  const parts = list.map(({ code, text }) => {
    const bytes = Buffer.from(text);
    const head = Buffer.alloc(4);
    head.writeUInt16LE(code, 0);
    head.writeUInt16LE(bytes.length, 2);
    return Buffer.concat([head, padded(bytes)]);
  });
  return list.length === 0 ? Buffer.alloc(0) : Buffer.concat([...parts, Buffer.alloc(4)]);
}

/** A block. */
export function block(type: number, body: Uint8Array): Buffer {
  const content = padded(body);
  const length = content.length + 12;
  return Buffer.concat([words(type, length), content, words(length)]);
}

/** A section with its blocks. */
export function pcapng(list: readonly TextOption[], ...blocks: readonly Uint8Array[]): Buffer {
  const head = block(0x0a0d0d0a, Buffer.concat([words(0x1a2b3c4d, 1, 0xffff_ffff, 0xffff_ffff), options(list)]));
  return Buffer.concat([head, ...blocks]);
}

/** An interface of a link type. */
export function pcapngInterface(linkType: number, list: readonly TextOption[]): Buffer {
  return block(1, Buffer.concat([words(linkType, 0), options(list)]));
}

/** A packet of an interface. */
export function pcapngPacket(at: number, bytes: Uint8Array, list: readonly TextOption[]): Buffer {
  const head = words(at, 0, 0, bytes.length, bytes.length);
  return block(6, Buffer.concat([head, padded(bytes), options(list)]));
}
