/** Services of `docker service inspect`. */
import type { ServiceView } from '../../evidence/docker.js';
import { addressOf } from '../address-text.js';
import { isObject, type JsonObject, listOf, numberOf, objectOf, stringOf } from '../json-values.js';
import { keptId, keptText, placeIn, type Source } from '../source.js';

/** Whether an object describes a service. */
export function isDockerService(object: JsonObject): boolean {
  const { Spec, Endpoint, ID } = object;
  return typeof ID === 'string' && isObject(Spec) && (isObject(Endpoint) || 'TaskTemplate' in Spec);
}

/** The service that an object describes. */
export function serviceOf(source: Source, object: JsonObject, line: number): ServiceView {
  const spec = objectOf(object['Spec']);
  const endpoint = objectOf(object['Endpoint']);
  const mode = objectOf(endpoint['Spec'])['Mode'] ?? objectOf(spec['EndpointSpec'])['Mode'];
  return {
    place: placeIn(source, line),
    id: keptId(stringOf(object['ID'])),
    name: keptText(stringOf(spec['Name'])),
    endpointMode: mode === 'dnsrr' ? 'dnsrr' : 'vip',
    vips: listOf(endpoint['VirtualIPs']).flatMap((one) => {
      const { NetworkID, Addr } = objectOf(one);
      // A service in DNS round-robin mode has an entry without an address.
      const address = addressOf(stringOf(Addr));
      return address === undefined ? [] : [{ network: keptId(stringOf(NetworkID)), address }];
    }),
    ports: listOf(endpoint['Ports']).map((one) => {
      const { PublishedPort, TargetPort, Protocol, PublishMode } = objectOf(one);
      return {
        published: numberOf(PublishedPort),
        target: numberOf(TargetPort),
        protocol: keptText(stringOf(Protocol) || 'tcp'),
        mode: keptText(stringOf(PublishMode) || 'ingress'),
      };
    }),
  };
}
