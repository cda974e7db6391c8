/** Single changes of an overlay's services, as they come from gossip. */
import type { ServiceLabels } from './service-labels.js';
import type { ServiceNetworkSet, ServiceRecord } from './service-set.js';

/** Kinds of change. */
export const ServiceChangeKind = {
  SetNetwork: 'set-network',
  RemoveNetwork: 'remove-network',
  SetRecord: 'set-record',
  RemoveRecord: 'remove-record',
  SetLabels: 'set-labels',
  RemoveLabels: 'remove-labels',
} as const;
export type ServiceChangeKind = (typeof ServiceChangeKind)[keyof typeof ServiceChangeKind];

/** A change. One that changes nothing, such as the removal of what isn't there, is no error. */
export type ServiceChange =
  /** Adds a network, or changes it. */
  | { readonly kind: typeof ServiceChangeKind.SetNetwork; readonly network: ServiceNetworkSet }
  /** Removes a network with its records. */
  | { readonly kind: typeof ServiceChangeKind.RemoveNetwork; readonly name: string }
  /** Adds a record, or replaces the one of the same endpoint. Its network must exist. */
  | { readonly kind: typeof ServiceChangeKind.SetRecord; readonly record: ServiceRecord }
  | { readonly kind: typeof ServiceChangeKind.RemoveRecord; readonly network: string; readonly endpoint: string }
  /** Sets the labels of a service, of which there needn't be a record. */
  | { readonly kind: typeof ServiceChangeKind.SetLabels; readonly labels: ServiceLabels }
  | { readonly kind: typeof ServiceChangeKind.RemoveLabels; readonly service: string };
