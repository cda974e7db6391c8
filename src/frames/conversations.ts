/** Who talked to whom in a capture. */
import type { CaptureInput, PacketSource } from '../capture/index.js';
import type { Conversation, FlowTableOptions } from '../inspect/index.js';
import { readDamage, withSource } from './input.js';
import type { OverlayOptions } from './open-overlay.js';

/** How the conversations of a capture are read. */
export interface ConversationsOptions extends OverlayOptions, FlowTableOptions {}

/**
 * Returns the conversations of a capture, in the order of their first packets: addresses, ports, and for each side
 * packets, bytes, TCP flags, retransmissions, resets; start, duration, rate, and the RTT of the handshake. Those inside
 * VXLAN have their `vni`. Those outside it, such as all of a capture of containers, have `vni: null`. Packets of
 * more than `maxConversations` are left out; `surveyFlows` of vtep/inspect counts them. Reading yields to the event loop
 * every few milliseconds.
 * @param input like that of `openOverlay`
 * @throws FramesError `KEYS_UNUSABLE`, CaptureError, AeadError
 * @example
 * import { conversations } from 'vtep';
 *
 * for (const { vni, protocol, a, b } of await conversations('wire.pcap', { keys: 'keys.txt' })) {
 *   console.log(vni, protocol, `${a.address}:${a.port} -> ${b.address}:${b.port}`, a.bytes, b.bytes);
 * }
 */
export async function conversations(
  input: CaptureInput | PacketSource,
  options: ConversationsOptions = {},
): Promise<readonly Conversation[]> {
  const { keys, aead, allowDamage = false, ...rest } = options;
  const { surveyFlows } = await import('../inspect/index.js');
  const opened = keys === undefined ? undefined : await (await import('./keys-input.js')).openKeys(keys, aead);
  try {
    return await withSource(input, async (source) => {
      const survey = await surveyFlows(source, opened === undefined ? rest : { ...rest, esp: opened.esp });
      await readDamage(source, allowDamage);
      return survey.conversations;
    });
  } finally {
    opened?.close();
  }
}
