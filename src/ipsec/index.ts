/**
 * IPsec ESP with AES-GCM (RFC 4303, RFC 4106): security associations, sealing and opening packets, and keys from
 * files.
 *
 *     IP packet -> OutboundEsp (OutboundSa) -> ESP packet -> InboundEsp (Sad -> InboundSa) -> IP packet
 *
 * - {@link OutboundEsp} seals packets in place with an {@link OutboundSa}; {@link InboundEsp} opens them with the
 *   {@link InboundSa} that a {@link Sad} has for their SPI and addresses.
 * - {@link parseXfrmState} and {@link parseEspSa} read SAs from the output of `ip xfrm state` and from Wireshark's
 *   `esp_sa`.
 * - {@link SequenceReservations} keeps sequence numbers from being reused after a restart.
 *
 * SAs that follow from a cluster's key ring are in vtep/overlay (`NodeSas`, `deriveSa`).
 * @module vtep/ipsec
 */
export { IpsecError, type IpsecErrorCode } from './error.js';
export { ESP_DROPS, EspDrop } from './esp-drop.js';
export { ESP_HEADER_BYTES, ESP_IV_BYTES, ESP_TRAILER_BYTES, espBytes, espPadding } from './esp-format.js';
export { EspOpener } from './esp-opener.js';
export { formatEspSa, isEspSa, parseEspSa } from './esp-sa.js';
export { EspSealer } from './esp-sealer.js';
export { InboundEsp, type SaResolver } from './inbound.js';
export { InboundSa, type InboundSaOptions } from './inbound-sa.js';
export { Keymat, SALT_BYTES } from './keymat.js';
export { Lifetime, LifetimeState, type SaLimit, type SaLimits } from './lifetime.js';
export { OutboundEsp, outboundHeadroom, outboundTailroom } from './outbound.js';
export { IV_MASK_BYTES, OutboundSa, type OutboundSaOptions, type SequenceReserver } from './outbound-sa.js';
export { MAX_REPLAY_WINDOW, MIN_REPLAY_WINDOW, ReplayVerdict, ReplayWindow } from './replay-window.js';
export { Sad, type SadEntry } from './sad.js';
export {
  checkSecurityAssociation,
  EspMode,
  formatSpi,
  type SaAddresses,
  type SecurityAssociation,
  type UdpEncap,
} from './security-association.js';
export { SequenceForecast } from './sequence-forecast.js';
export { SequenceReservations, type SequenceReservationsOptions } from './sequence-reservations.js';
export type { SequenceRecord, SequenceStore } from './sequence-store.js';
export { isXfrmState } from './xfrm-dump.js';
export { type ImportedSas, parseXfrmState, type SaCreation } from './xfrm-state.js';
