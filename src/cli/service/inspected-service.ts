/** A service of a store as `docker service inspect` shows it: the same members in the same order. */
import type { OverlayView, ServiceRecord } from '../../fleet/index.js';
import { Deployment } from '../../overlay/index.js';
import { sorted, withLength } from '../network/inspected-network.js';

/** @param revision that of the service's record */
export function inspectedService({ networks }: OverlayView, service: ServiceRecord, revision: number): object {
  const { id, name, created, updated, labels, mode, deploy, replicas, netns } = service;
  const attached = service.networks.flatMap((one) => {
    const record = networks.get(one.network)?.record;
    return record === undefined ? [] : [{ ...one, record }];
  });
  const ports = service.ports.map((port) => ({
    Protocol: port.protocol,
    TargetPort: port.target,
    PublishedPort: port.published,
    PublishMode: port.mode,
  }));
  const endpoint = { Mode: mode, ...(ports.length > 0 && { Ports: ports }) };
  const vips = attached.flatMap(({ vip, record }) =>
    vip === undefined ? [] : [{ NetworkID: record.id, Addr: withLength(record, vip) }],
  );
  return {
    ID: id,
    Version: { Index: revision },
    CreatedAt: created,
    UpdatedAt: updated,
    Spec: {
      Name: name,
      Labels: sorted(labels),
      TaskTemplate: {
        // Docker's has the container here; a task of vtep is interfaces in a network namespace.
        ...(netns !== undefined && { Netns: netns }),
        Placement: {},
        Networks: attached
          .filter(({ record }) => !record.ingress)
          .map(({ record, aliases }) => ({ Target: record.id, ...(aliases.length > 0 && { Aliases: aliases }) })),
        ForceUpdate: 0,
      },
      Mode: deploy === Deployment.Global ? { Global: {} } : { Replicated: { Replicas: replicas } },
      EndpointSpec: endpoint,
    },
    Endpoint: {
      Spec: endpoint,
      ...(ports.length > 0 && { Ports: ports }),
      ...(vips.length > 0 && { VirtualIPs: vips }),
    },
  };
}
