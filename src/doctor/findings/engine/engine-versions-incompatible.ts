import { hasShortSpis, versionOf } from '../../derived/engine-version.js';
import { hasEncryptedNetwork } from '../../derived/networks.js';
import { aliases, nodeText } from '../../derived/nodes.js';
import { exhibit, listed } from '../../derived/wording.js';
import type { EngineView } from '../../evidence/docker.js';
import type { Evidence, NodeEvidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

interface Engine {
  readonly node: NodeEvidence;
  readonly engine: EngineView;
  readonly isShort: boolean;
}

/** Engines whose encrypted networks don't work with each other. */
export const engineVersionsIncompatible: Finding = {
  id: 'engine-versions-incompatible',
  title: "Engines of these versions can't exchange encrypted packets",
  severity: Severity.Error,
  looksAt: 'docker version or docker info of two or more nodes, docker network inspect',
  fires:
    'a node runs Docker 29.0.0 to 29.2.0, 28.2.2, 25.0.13 or 25.0.14, and another node another version, unless the networks are known and none is encrypted',
  means:
    'These versions derive their SPIs in a form of their own. Encrypted networks carry nothing between them and any other version; DNS, which comes from gossip, works.',
  threads: ['moby/moby#51798', 'moby/moby#51672', 'moby/moby#51951', 'moby/moby#34857'],
  explains: [
    'unknown-spi',
    'one-sided-esp',
    'one-sided-traffic',
    'rotation-missed',
    'xfrm-unknown-spi-counted',
    'retransmission-storm',
  ],
  find: findVersions,
};

function* findVersions(evidence: Evidence): Generator<Diagnosis> {
  const hasEncrypted = hasEncryptedNetwork(evidence);
  if (hasEncrypted === false) return;
  const engines = evidence.nodes.flatMap((node) =>
    node.engines.flatMap((engine): Engine[] => {
      const version = versionOf(engine.version);
      return version === undefined ? [] : [{ node, engine, isShort: hasShortSpis(version) }];
    }),
  );
  const short = engines.filter(({ isShort }) => isShort);
  const other = engines.filter(({ isShort }) => !isShort);
  if (short.length === 0 || other.length === 0) return;
  yield {
    severity: hasEncrypted === true ? Severity.Error : Severity.Warning,
    certainty: hasEncrypted === true ? Certainty.Certain : Certainty.Possible,
    summary: `${listed(short.map(nameOf))} can't exchange encrypted packets with ${listed(other.map(nameOf))}${hasEncrypted === true ? '' : ', if a network is encrypted'}.`,
    subject: { nodes: aliases(...engines.map(({ node }) => node)) },
    exhibits: engines.map((one) => exhibit(nameOf(one), [one.engine])),
    advice: [
      `Update ${listed(short.map(({ node }) => nodeText(node)))} to 29.2.1 or later, 28.3.0 or later, or 25.0.15 or later.`,
    ],
    commands: ["docker version --format '{{.Server.Version}}'   # on each node"],
    ...(hasEncrypted === true
      ? {}
      : { collect: ['docker network inspect $(docker network ls -q --filter driver=overlay)'] }),
  };
}

function nameOf({ node, engine }: Engine): string {
  return `${nodeText(node)} (Docker ${engine.version})`;
}
