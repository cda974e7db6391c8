/** Who asked: what trusted peers say of it, and what backends are told. */
export { AddedFieldsMaker } from './added-fields.js';
export { CLAIM_FIELDS, claimsOf } from './claims.js';
export { type Claims, type Received, ReceivedVersion, type Requester } from './received.js';
export { receivedOf } from './received-of.js';
