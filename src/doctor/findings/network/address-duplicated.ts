import { isAddress, withoutLength } from '../../derived/addresses.js';
import { isInUse, type Seen, viewsByNetwork } from '../../derived/networks.js';
import { certaintyOf } from '../../derived/moments.js';
import { aliases, nodeText } from '../../derived/nodes.js';
import { exhibit, listed } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { type Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** Two endpoints of a network have the same address or MAC. */
export const addressDuplicated: Finding = {
  id: 'address-duplicated',
  title: 'Two endpoints of a network have the same address',
  severity: Severity.Error,
  looksAt: 'docker network inspect of one or more nodes',
  fires: 'two endpoints with different names on one network have the same IP address or MAC',
  means:
    'Each node sends to the one that it heard of last. Connections break or reach the wrong container, and the forwarding entries of the two remove each other.',
  threads: ['moby/moby#33795', 'moby/moby#35675', 'moby/libnetwork#1537'],
  explains: ['duplicate-address', 'endpoint-moved', 'retransmission-storm', 'forwarding-to-wrong-node'],
  find: findDuplicates,
};

interface Holder {
  readonly seen: Seen;
  readonly name: string;
}

/** Two endpoints with the same address. */
interface Twins {
  readonly one: Holder;
  readonly other: Holder;
  /** The address, or the MAC if only that is the same. */
  readonly address: string;
}

function* findDuplicates(evidence: Evidence): Generator<Diagnosis> {
  for (const views of viewsByNetwork(evidence)) {
    const groups = new Map<string, Twins[]>();
    for (const twins of twinsIn(views.filter(({ view }) => isInUse(view)))) {
      const key = `${views.indexOf(twins.one.seen)} ${views.indexOf(twins.other.seen)}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [twins]);
      else group.push(twins);
    }
    for (const group of groups.values()) {
      const [{ one, other }] = group;
      // The output of one node, given as that of two.
      const isSame = one.seen !== other.seen && group.length === other.seen.view.endpoints.length;
      if (isSame && group.every((twins) => twins.one.name === twins.other.name)) continue;
      const certainty = certaintyOf(evidence, one.seen, other.seen);
      if (certainty !== undefined) yield diagnose(group, certainty);
    }
  }
}

function* twinsIn(views: readonly Seen[]): Generator<Twins> {
  const byAddress = new Map<string, Holder>();
  const byMac = new Map<string, Holder>();
  for (const seen of views) {
    for (const { name, ipv4, mac } of seen.view.endpoints) {
      const address = withoutLength(ipv4);
      const other: Holder = { seen, name };
      const isKnown = isAddress(address);
      const one = (isKnown ? byAddress.get(address) : undefined) ?? (mac === '' ? undefined : byMac.get(mac));
      if (isKnown && !byAddress.has(address)) byAddress.set(address, other);
      if (mac !== '' && !byMac.has(mac)) byMac.set(mac, other);
      // Two outputs of a node have the same endpoint.
      if (one === undefined || (one.name === name && one.seen.node === seen.node)) continue;
      yield { one, other, address: isKnown && byAddress.get(address) === one ? address : mac };
    }
  }
}

function diagnose(group: readonly Twins[], certainty: Certainty): Diagnosis {
  const [{ one, other, address }] = group;
  const addresses = group.map((twins) => twins.address);
  return {
    severity: Severity.Error,
    certainty,
    summary:
      group.length === 1
        ? `${one.name} on ${nodeText(one.seen.node)} and ${other.name} on ${nodeText(other.seen.node)} both have ${address} on network ${one.seen.view.name}.`
        : `${group.length} pairs of endpoints on ${nodeText(one.seen.node)} and ${nodeText(other.seen.node)} have the same addresses on network ${one.seen.view.name}: ${listed(addresses)}.`,
    subject: { nodes: aliases(one.seen.node, other.seen.node), endpoints: addresses.filter(isAddress) },
    exhibits: [
      exhibit(`${nodeText(one.seen.node)}: ${listed(group.map((twins) => twins.one.name))}`, [one.seen]),
      exhibit(`${nodeText(other.seen.node)}: ${listed(group.map((twins) => twins.other.name))}`, [other.seen]),
    ],
    advice: [
      'Restart one of the two tasks, so that it gets another address.',
      'Restart the engine of the leader if addresses are given out twice again.',
    ],
    commands: ['docker service update --force SERVICE'],
  };
}
