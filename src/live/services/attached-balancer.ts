/** A load balancer that is attached to a node. */
import type { LoadBalancer } from '../../service/index.js';
import type { BalancerPort } from './balancer-port.js';

/** A network's load balancer on this node, and its ports. */
export interface AttachedBalancer {
  /** Name of its endpoint. */
  readonly endpoint: string;
  /** Name of its network. */
  readonly network: string;
  readonly balancer: LoadBalancer;
  /** Its leg on the overlay. */
  readonly back: BalancerPort;
  /** Its leg towards the host, on the ingress network. */
  readonly front: BalancerPort | undefined;
}
