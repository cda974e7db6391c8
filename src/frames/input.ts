/** Opens what the caller passed in, and closes only what it opened. */
import type { CaptureInput, PacketSource } from '../capture/index.js';

// Programs in JavaScript may pass undefined, which is refused when it is opened.
function isPacketSource(input: CaptureInput | PacketSource | undefined): input is PacketSource {
  const { next, interfaces } = (input ?? {}) as Partial<PacketSource>;
  return typeof next === 'function' && Array.isArray(interfaces);
}

/** An open source, and whether it is to be closed. */
export interface OpenedInput {
  readonly source: PacketSource;
  /** Closes the source, unless the caller passed it in. */
  readonly close: () => Promise<void>;
}

/**
 * Opens an input.
 * @throws CaptureError
 */
export async function openInput(input: CaptureInput | PacketSource): Promise<OpenedInput> {
  if (isPacketSource(input)) return { source: input, close: () => Promise.resolve() };
  const { openCaptureInput } = await import('../capture/index.js');
  const source = await openCaptureInput(input);
  return { source, close: () => source.close() };
}

/** Opens an input for a call, and closes it. */
export async function withSource<T>(
  input: CaptureInput | PacketSource,
  read: (source: PacketSource) => Promise<T>,
): Promise<T> {
  const { source, close } = await openInput(input);
  try {
    return await read(source);
  } finally {
    await close();
  }
}

/**
 * Throws the reason for which a capture ended early, unless that is allowed.
 * @throws CaptureError with the name of the source
 */
export async function readDamage({ name, damage }: PacketSource, allowed: boolean): Promise<void> {
  if (damage === undefined || allowed) return;
  const { CaptureError } = await import('../capture/error.js');
  // Whatever failed to be read is named already.
  if (damage.code === 'FILE_UNUSABLE') throw new CaptureError(damage.code, damage.message, { cause: damage });
  throw new CaptureError(damage.code, `${name}: ${damage.message}`, { cause: damage });
}
