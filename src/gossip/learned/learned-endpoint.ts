/** What entries are called as endpoints of a topology. */
import { type Endpoint, EndpointKind } from '../../overlay/index.js';
import type { EndpointRecord } from '../wire/messages.js';

const SHORT_ID = 12;

/** A key as Docker shortens ids. */
export function shortKey(key: string): string {
  return key.slice(0, SHORT_ID);
}

/**
 * The id of an entry's endpoint: keys are unique on their network only.
 * @param networkId the network's id in gossip, which has no `/`
 */
export function learnedEndpointId(networkId: string, key: string): string {
  return `${networkId}/${key}`;
}

/**
 * Kind and name of an entry's endpoint.
 * @param network the network's name
 * @param record what `endpoint_table` says about it, if anything
 * @param isBalancer whether it is a load balancer
 */
export function kindAndName(
  key: string,
  network: string,
  record: EndpointRecord | undefined,
  isBalancer: boolean,
): Required<Pick<Endpoint, 'kind' | 'name'>> {
  if (isBalancer) return { kind: EndpointKind.Balancer, name: `lb-${network}` };
  return { kind: EndpointKind.Container, name: record?.name ?? shortKey(key) };
}
