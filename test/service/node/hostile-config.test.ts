/** Services of configs that are wrong in a place or two, yet are read: each node makes of them what it can. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { VtepError } from '../../../src/error.js';
import { Compatibility, type Topology } from '../../../src/overlay/index.js';
import { parseConfig } from '../../../src/overlay/files.js';
import { ingressPortsOf, NodeServices, TaskPorts } from '../../../src/service/index.js';
import { printable } from '../../../src/text/plain-text.js';
import { formatIpv4 } from '../../../src/wire/index.js';
import { hostileConfig } from '../../overlay/services/hostile-config.js';
import { addressesOf } from '../dns/messages.js';
import { Asker } from '../dns/swarm.js';

const SEED = 20261129;

function topologyOf(text: string): Topology | undefined {
  try {
    return parseConfig(text);
  } catch (error) {
    if (error instanceof VtepError) return undefined;
    throw error;
  }
}

describe('the services of any config that is read', () => {
  test('have names that lead to their own addresses, balancers that balance nothing else, and valid ports', () => {
    let read = 0;
    fc.assert(
      fc.property(
        hostileConfig,
        fc.constantFrom(Compatibility.Docker, Compatibility.Improved),
        (text, compatibility) => {
          const { services: set, nodes } = topologyOf(text) ?? {};
          if (set === undefined || nodes === undefined) return;
          read++;
          for (const { name: node } of nodes) {
            const services = new NodeServices({ node, compatibility });
            const problems = services.update(set);
            // A second time nothing changes.
            assert.deepEqual(services.update(set), problems);
            for (const problem of problems) assert.equal(problem, printable(problem));
            assert.equal(services.size + services.refused, set.records.length);
            for (const { name, ingress } of set.networks) {
              const records = set.records.filter(({ network }) => network === name);
              const known = new Set(
                records
                  .flatMap(({ addresses, service }) => [...addresses, service?.vip ?? []])
                  .map((bytes) => bytes.join('.')),
              );
              const asker = new Asker(services.names, { networks: [name], servers: [{ address: '192.0.2.1' }] });
              for (const { service, addresses } of records) {
                if (service !== undefined && !ingress && !asker.forwards(service.name)) {
                  for (const address of addressesOf(asker.ask(service.name))) assert.ok(known.has(address), address);
                }
                const [address] = addresses.filter(({ length }) => length === 4);
                const ports = ingressPortsOf(service);
                if (ingress)
                  assert.doesNotThrow(() => new TaskPorts({ address: formatIpv4(address), ports, maxConnections: 1 }));
              }
              for (const { backends } of services.balancer(name)?.counts() ?? []) {
                for (const { address } of backends) assert.ok(known.has(address), address);
              }
            }
          }
        },
      ),
      { seed: SEED, numRuns: 2000 },
    );
    assert.ok(read > 100, `${read} were read`);
  });
});
