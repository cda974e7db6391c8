import { hasShortSpis, versionOf } from '../../derived/engine-version.js';
import { aliases, nodesWith, nodeText } from '../../derived/nodes.js';
import { type SpiOrigin, spiOrigin } from '../../derived/spi-origin.js';
import { counted, exhibit, listed } from '../../derived/wording.js';
import { type Evidence, InputKind, type NodeEvidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { SpiForm } from '../../../overlay/index.js';

interface Derived {
  readonly node: NodeEvidence;
  readonly origin: SpiOrigin;
}

/** Some nodes hash IPv4 addresses as 4 bytes into their SPIs, and others as 16. */
export const spiFormsDiffer: Finding = {
  id: 'spi-forms-differ',
  title: 'Nodes derive their SPIs in different forms',
  severity: Severity.Error,
  looksAt: 'ip xfrm state of two or more nodes',
  fires:
    "the tags that explain one node's SPIs do so in the 4-byte form of addresses, and those of another in the 16-byte form",
  means:
    'Both ends of an encrypted tunnel compute its SPIs from their addresses and the key. Docker 29.0.0 to 29.2.0, 28.2.2, 25.0.13 ' +
    'and 25.0.14 hash addresses in a form of their own, so that no other version has an SA for their packets.',
  threads: ['moby/moby#51798', 'moby/moby#51672', 'moby/moby#51951'],
  explains: [
    'engine-versions-incompatible',
    'unknown-spi',
    'one-sided-esp',
    'one-sided-traffic',
    'rotation-missed',
    'node-behind-in-rotation',
    'peer-without-sas',
    'xfrm-unknown-spi-counted',
  ],
  find: findForms,
};

function* findForms(evidence: Evidence): Generator<Diagnosis> {
  const derived: Derived[] = [];
  for (const node of nodesWith(evidence, InputKind.XfrmState)) {
    const origin = spiOrigin(node.sas);
    if (origin !== undefined) derived.push({ node, origin });
  }
  const short = derived.filter(({ origin }) => origin.form === SpiForm.Short);
  const mapped = derived.filter(({ origin }) => origin.form === SpiForm.Mapped);
  if (short.length === 0 || mapped.length === 0) return;
  const isSure = [...short, ...mapped].every(({ origin }) => origin.count > 1);
  const names = listed(short.map(({ node }) => nodeText(node)));
  yield {
    severity: Severity.Error,
    certainty: isSure ? Certainty.Certain : Certainty.Likely,
    summary: `The SPIs of ${names} are of the 4-byte form, those of ${listed(mapped.map(({ node }) => nodeText(node)))} of the 16-byte form: they can't decrypt each other's packets.`,
    subject: { nodes: aliases(...short.map(({ node }) => node), ...mapped.map(({ node }) => node)) },
    exhibits: [...short, ...mapped].map(toExhibit),
    advice: [
      `Update the engine of ${names} to 29.2.1 or later, 28.3.0 or later, or 25.0.15 or later: all nodes need moby/moby#51951.`,
    ],
    commands: ["docker version --format '{{.Server.Version}}'"],
  };
}

function toExhibit({ node, origin }: Derived) {
  const form = origin.form === SpiForm.Short ? '4-byte' : '16-byte';
  const engine = node.engines.at(0);
  const version = engine === undefined ? undefined : versionOf(engine.version);
  const known =
    version === undefined || hasShortSpis(version) !== (origin.form === SpiForm.Short)
      ? ''
      : `, Docker ${version.join('.')}`;
  return exhibit(
    `${nodeText(node)}${known}: ${counted(origin.count, 'SPI')} of the ${form} form, ${origin.tags.length === 1 ? 'tag' : 'tags'} ${listed(origin.tags.map(String))}`,
    node.sas,
  );
}
