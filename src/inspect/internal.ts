/** What other rooms use of inspect beyond its public entry point. */
export { AddressTable } from './address-table.js';
export { ChecksumTable } from './checksum-table.js';
export { decoderAccounting } from './decoder-accounting.js';
export { EspSurvey } from './esp-survey.js';
export { ConversationIndex } from './flows/conversation-index.js';
export { FragmentFlows } from './flows/fragment-flows.js';
export { hasPorts } from './flows/protocol.js';
export { TcpAnalysis } from './flows/tcp-analysis.js';
export { NonceVerdict } from './nonce-table.js';
export { describePacket, type PacketDescription } from './packet-description.js';
export { ADDRESS_WIDTH } from './packet-line.js';
export type { EspSink } from './esp-packet.js';
export { espColumns } from './parts/check-columns.js';
export { type EspColumns, EspRecords } from './parts/esp-records.js';
export { EspReplay } from './parts/esp-replay.js';
export type { FilePart } from './parts/file-part.js';
export { PartError } from './parts/part-error.js';
export { PartMerge } from './parts/part-merge.js';
export { PartSurvey } from './parts/part-survey.js';
export {
  boolean,
  type Fields,
  int,
  list,
  matching,
  nullable,
  number,
  object,
  oneOf,
  optional,
  plainData,
  record,
  type Shape,
  text,
} from './parts/shape.js';
export { PlainVxlan } from './shares/plain-vxlan.js';
export type { SurveyPart } from './shares/survey-part.js';
export type { SurveyStart } from './survey.js';
