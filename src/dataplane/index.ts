/** The stages that a packet goes through, the reasons for which it may go no further, and their counts. */
export { DROP_REASONS, DropReason, dropReasonName, dropReasonText } from './drop-reason.js';
export { Ingress, type IngressOptions, Verdict } from './ingress.js';
