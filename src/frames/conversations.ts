/** Who talked to whom in a capture. */
import type { CaptureInput, PacketSource } from '../capture/index.js';
import type { Conversation, FlowAccounting, FlowTableOptions } from '../inspect/index.js';
import { readDamage, withSource } from './input.js';
import type { OverlayOptions } from './open-overlay.js';

/** How the conversations of a capture are read. */
export interface ConversationsOptions extends OverlayOptions, FlowTableOptions {}

/** Conversations, and how many packets are in them. */
export type ConversationList = readonly Conversation[] & {
  /** Packets in the conversations, and of those that aren't, why. `unlisted` are those beyond `maxConversations`. */
  readonly accounting: FlowAccounting;
};

/**
 * Returns the conversations of a capture, in the order of their first packets: addresses, ports, and for each side
 * packets, bytes, TCP flags, retransmissions, resets; start, duration, rate, and the RTT of the handshake. Those inside
 * VXLAN have their `vni`. Those outside it, such as all of a capture of containers, have `vni: null`. Packets of
 * more than `maxConversations` are left out, and counted in `accounting.unlisted` of the list. Reading yields to the event loop
 * every few milliseconds.
 * @param input like that of `openOverlay`
 * @throws FramesError `KEYS_UNUSABLE`, CaptureError, AeadError, VtepError `BAD_OPTION`, `BAD_INDEX` for a bad limit
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
): Promise<ConversationList> {
  const { keys, aead, allowDamage = false, ...rest } = options;
  const { surveyFlows } = await import('../inspect/index.js');
  const opened = keys === undefined ? undefined : await (await import('./keys-input.js')).openKeys(keys, aead);
  try {
    return await withSource(input, async (source) => {
      const survey = await surveyFlows(source, opened === undefined ? rest : { ...rest, esp: opened.esp });
      await readDamage(source, allowDamage);
      // Not enumerable: it is a list like any other to whatever compares or prints it.
      return Object.defineProperty([...survey.conversations], 'accounting', {
        value: survey.accounting,
      }) as unknown as ConversationList;
    });
  } finally {
    opened?.close();
  }
}
