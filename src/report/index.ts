/**
 * A report to look at: what captures hold and what is wrong, as one HTML page that needs no network.
 *
 * {@link reportHtml} makes it from plain data: the report of a `Survey`, that of a `KeyTimeline`, and findings.
 * @module vtep/report
 */
export type { ReportContents, ReportFinding, ReportPlace } from './report-contents.js';
export { reportHtml } from './report-html.js';
