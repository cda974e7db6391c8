/** Findings about ESP. */
import type { Finding } from '../../finding.js';
import { clearVxlanOnEncryptedNetwork } from './clear-vxlan-on-encrypted-network.js';
import { icvInvalid } from './icv-invalid.js';
import { nonceReuse } from './nonce-reuse.js';
import { oneSidedEsp } from './one-sided-esp.js';
import { reorderedBeyondWindow } from './reordered-beyond-window.js';
import { replayedPackets } from './replayed-packets.js';
import { rotationMissed } from './rotation-missed.js';
import { sequenceGaps } from './sequence-gaps.js';
import { sequenceNearEnd } from './sequence-near-end.js';
import { spiCollision } from './spi-collision.js';
import { unknownSpi } from './unknown-spi.js';

export const ESP_FINDINGS: readonly Finding[] = [
  clearVxlanOnEncryptedNetwork,
  spiCollision,
  icvInvalid,
  unknownSpi,
  nonceReuse,
  sequenceNearEnd,
  rotationMissed,
  reorderedBeyondWindow,
  replayedPackets,
  oneSidedEsp,
  sequenceGaps,
];
