/** The fields in use of what `docker service`, `task`, `node` and `container inspect` print. */
import * as z from 'zod';
import { PortProtocol, PublishMode } from '../services/published-port.js';

const VERSION = z.object({ Index: z.number().optional() }).optional();
const STRINGS = z.array(z.string()).nullish();
const PORT_NUMBER = z.int().min(0).max(65_535);

const PORT = z.object({
  Protocol: z.enum(PortProtocol).optional(),
  TargetPort: PORT_NUMBER,
  PublishedPort: PORT_NUMBER.optional(),
  PublishMode: z.enum(PublishMode).optional(),
});

const ATTACHED = z.array(z.object({ Target: z.string(), Aliases: STRINGS })).nullish();
const ENDPOINT_SPEC = z.object({ Mode: z.string().optional() }).nullish();

/** `docker service inspect`. */
export const DOCKER_SERVICE = z.object({
  ID: z.string(),
  Version: VERSION,
  Spec: z.object({
    Name: z.string(),
    Labels: z.record(z.string(), z.string()).nullish(),
    TaskTemplate: z.object({ Networks: ATTACHED }).nullish(),
    // Where engines before 1.13 have it.
    Networks: ATTACHED,
    EndpointSpec: ENDPOINT_SPEC,
  }),
  Endpoint: z
    .object({
      Spec: ENDPOINT_SPEC,
      Ports: z.array(PORT).nullish(),
      VirtualIPs: z.array(z.object({ NetworkID: z.string(), Addr: z.string().optional() })).nullish(),
    })
    .nullish(),
});

/** `docker inspect TASK`. */
export const DOCKER_TASK = z.object({
  ID: z.string(),
  Version: VERSION,
  ServiceID: z.string().optional(),
  Slot: z.int().min(0).optional(),
  NodeID: z.string().optional(),
  DesiredState: z.string().optional(),
  Status: z
    .object({
      State: z.string().optional(),
      ContainerStatus: z.object({ ContainerID: z.string().optional() }).nullish(),
    })
    .nullish(),
  NetworksAttachments: z
    .array(
      z.object({
        Network: z
          .object({
            ID: z.string(),
            Spec: z
              .object({
                Name: z.string().optional(),
                Ingress: z.boolean().optional(),
                Internal: z.boolean().optional(),
              })
              .nullish(),
            DriverState: z
              .object({ Name: z.string().optional(), Options: z.record(z.string(), z.string()).nullish() })
              .nullish(),
            IPAMOptions: z
              .object({
                Configs: z.array(z.object({ Subnet: z.string().optional(), Gateway: z.string().optional() })).nullish(),
              })
              .nullish(),
          })
          .nullish(),
        Addresses: STRINGS,
      }),
    )
    .nullish(),
});

/** `docker node inspect`. */
export const DOCKER_NODE = z.object({
  ID: z.string(),
  Version: VERSION,
  Description: z.object({ Hostname: z.string() }),
  Status: z.object({ State: z.string().optional(), Addr: z.string().optional() }).nullish(),
  ManagerStatus: z.object({ State: z.string().optional(), Addr: z.string().optional() }).nullish(),
});

/** `docker container inspect`. */
export const DOCKER_CONTAINER = z.object({
  Id: z.string(),
  Name: z.string(),
  Config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }).nullish(),
  NetworkSettings: z.object({
    Networks: z
      .preprocess(
        (value) => (typeof value === 'object' && value !== null ? Object.values(value) : value),
        z
          .array(
            z.object({
              NetworkID: z.string().optional(),
              EndpointID: z.string().optional(),
              IPAddress: z.string().optional(),
              GlobalIPv6Address: z.string().optional(),
              MacAddress: z.string().optional(),
              Aliases: STRINGS,
            }),
          )
          .nullish(),
      )
      .optional(),
  }),
});

/** A line of `docker service ps --format json`. */
export const DOCKER_TASK_LINE = z.object({
  ID: z.string(),
  Name: z.string(),
  Node: z.string().optional(),
  CurrentState: z.string().optional(),
});
