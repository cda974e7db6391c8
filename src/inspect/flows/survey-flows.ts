/** The conversations of a capture, for programs. */
import type { PacketSource } from '../../capture/portable.js';
import { UnderlayDecoder, type UnderlayDecoderOptions } from '../../dataplane/index.js';
import { Layers } from '../../wire/index.js';
import type { Conversation } from './conversation.js';
import { addFlow } from './flow-feed.js';
import { withJson } from './flow-report.js';
import type { FlowAccounting } from './flow-accounting.js';
import { FlowTable, type FlowTableOptions } from './flow-table.js';

/** Options of `surveyFlows`. */
export interface SurveyFlowsOptions extends UnderlayDecoderOptions, FlowTableOptions {}

/** The conversations of a capture, and what isn't in them. */
export interface FlowSurvey {
  /** In the order of their first packets. */
  readonly conversations: readonly Conversation[];
  readonly accounting: FlowAccounting;
}

/**
 * Reads a capture to its end and returns its conversations: those inside VXLAN by VNI, decrypted ones too if `esp` has
 * the keys, and those outside it (a capture of inner frames, say) with a VNI of null. Memory is bounded by
 * `maxConversations`. The caller closes the source.
 * @throws VtepError `BAD_INDEX` for a bad limit
 * @example
 * import { openCaptureFile } from 'vtep/capture';
 * import { surveyFlows } from 'vtep/inspect';
 *
 * const source = await openCaptureFile('capture.pcap');
 * const { conversations } = await surveyFlows(source);
 * for (const { vni, a, b, bytes } of conversations) console.log(vni, a.address, b.address, bytes);
 * await source.close();
 */
export async function surveyFlows(source: PacketSource, options: SurveyFlowsOptions = {}): Promise<FlowSurvey> {
  const decoder = new UnderlayDecoder(options);
  const table = new FlowTable(options);
  const inner = new Layers({ fromCapture: true });
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    const { bytes } = batch;
    for (let i = 0; i < batch.count; i++) {
      const offset = batch.offset[i];
      const length = batch.originalLength[i];
      const end = offset + batch.capturedLength[i];
      const linkType = batch.linkType[i];
      const verdict = decoder.receive(linkType, bytes, offset, end, offset + length, batch.seconds[i]);
      if (decoder.vni >= 0) {
        const { outerBytes, frameOffset, frameEnd, capturedEnd } = decoder;
        inner.walkEthernet(outerBytes, frameOffset, Math.min(frameEnd, capturedEnd), frameEnd);
      }
      const seconds = batch.noTimestamp[i] === 0 ? batch.seconds[i] : Number.NaN;
      addFlow(table, decoder, verdict, inner, linkType, length, seconds, batch.nanoseconds[i]);
    }
  }
  return { conversations: table.conversations().map(withJson), accounting: table.accounting };
}
