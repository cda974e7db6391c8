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
export { PlainVxlan } from './shares/plain-vxlan.js';
export type { SurveyPart } from './shares/survey-part.js';
export type { SurveyStart } from './survey.js';
