/** Findings about packets on the underlay. */
import type { Finding } from '../../finding.js';
import { arpInTunnel } from './arp-in-tunnel.js';
import { captureTimesDiffer } from './capture-times-differ.js';
import { captureTruncated } from './capture-truncated.js';
import { capturedBeforeOffload } from './captured-before-offload.js';
import { checksumBrokenByOffload } from './checksum-broken-by-offload.js';
import { espBlockedBetweenCaptures } from './esp-blocked-between-captures.js';
import { fragmentsLost } from './fragments-lost.js';
import { icmpTooBigIgnored } from './icmp-too-big-ignored.js';
import { lostBetweenCaptures } from './lost-between-captures.js';
import { mtuTooBig } from './mtu-too-big.js';
import { natBetweenNodes } from './nat-between-nodes.js';
import { outerSourceNotVtep } from './outer-source-not-vtep.js';
import { vxlanPortTaken } from './vxlan-port-taken.js';
import { vxlanReservedBits } from './vxlan-reserved-bits.js';
import { wrongPort } from './wrong-port.js';

export const WIRE_FINDINGS: readonly Finding[] = [
  mtuTooBig,
  fragmentsLost,
  icmpTooBigIgnored,
  natBetweenNodes,
  checksumBrokenByOffload,
  espBlockedBetweenCaptures,
  vxlanPortTaken,
  lostBetweenCaptures,
  outerSourceNotVtep,
  vxlanReservedBits,
  wrongPort,
  arpInTunnel,
  captureTruncated,
  captureTimesDiffer,
  capturedBeforeOffload,
];
