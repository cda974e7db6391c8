/** Opens the services of a node with their parts. */
import { DnsPart } from './dns-part.js';
import type { MeshOverrides } from '../mesh/part/mesh-overrides.js';
import { MeshPart } from '../mesh/part/mesh-part.js';
import { GatewayService } from './gateway-service.js';
import { LiveServices, type LiveServicesOptions } from './live-services.js';

/**
 * Services with all their parts, or only with load balancers.
 * @param inHost whether the parts that act on the host run: gateway, published ports, DNS, HTTP mesh
 * @param overrides what the node has of the mesh of its own
 */
export function openServices(
  options: Omit<LiveServicesOptions, 'frontOf' | 'onFront'>,
  inHost: boolean,
  overrides: MeshOverrides = {},
): LiveServices {
  if (!inHost) return new LiveServices(options);
  const { node, arena, tell } = options;
  const gateway = new GatewayService({ node, arena, tell });
  const onFront: LiveServicesOptions['onFront'] = (front) => gateway.setFront(front);
  const services = new LiveServices({ ...options, frontOf: (settings) => gateway.frontOf(settings), onFront });
  services.add(gateway);
  services.add(new DnsPart(node.tables.here.name, tell));
  services.add(new MeshPart(node.tables.here.name, tell, overrides));
  return services;
}
