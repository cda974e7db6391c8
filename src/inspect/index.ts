/** What a capture of an overlay holds: counts of it, and a line for each packet. */
export { AddressTable } from './address-table.js';
export { CHECKSUM_NAMES, type ChecksumRow } from './checksum-table.js';
export { EspSurvey } from './esp-survey.js';
export { type PacketLineContext, packetLine } from './packet-line.js';
export type { CipherReport, EspReport, Problem, SizeReport, SurveyReport } from './report.js';
export { Survey, type SurveyOptions } from './survey.js';
export { formatTime } from './time.js';
