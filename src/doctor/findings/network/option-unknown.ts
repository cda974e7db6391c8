import { allViews } from '../../derived/networks.js';
import { aliases } from '../../derived/nodes.js';
import { exhibit, shellWord } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** Names that people give to options of the overlay driver, and those that it has. */
const MISTAKEN: Readonly<Record<string, string>> = {
  'com.docker.network.mtu': 'com.docker.network.driver.mtu',
  'com.docker.network.overlay.mtu': 'com.docker.network.driver.mtu',
  'com.docker.network.driver.overlay.mtu': 'com.docker.network.driver.mtu',
  'com.docker.network.bridge.mtu': 'com.docker.network.driver.mtu',
  'com.docker.network.driver.overlay.encrypted': 'encrypted',
  'com.docker.network.driver.encrypted': 'encrypted',
  mtu: 'com.docker.network.driver.mtu',
  encryption: 'encrypted',
  encrypt: 'encrypted',
};

/** An option of a network that the driver ignores. */
export const optionUnknown: Finding = {
  id: 'option-unknown',
  title: "A network has an option that its driver doesn't know",
  severity: Severity.Warning,
  looksAt: 'docker network inspect',
  fires: `a network has an option under a name that is often mistaken for the right one, such as com.docker.network.mtu, and not the right one`,
  means: "Docker silently ignores options that it doesn't know: the network is created without them.",
  threads: ['moby/moby#36689', 'moby/moby#43673'],
  explains: [],
  find: findOptions,
};

function* findOptions(evidence: Evidence): Generator<Diagnosis> {
  const reported = new Set<string>();
  for (const { node, view } of allViews(evidence)) {
    for (const [name, value] of Object.entries(view.options)) {
      if (!Object.hasOwn(MISTAKEN, name)) continue;
      const right = MISTAKEN[name];
      const key = `${view.id} ${view.name} ${name}`;
      if (Object.hasOwn(view.options, right) || reported.has(key)) continue;
      reported.add(key);
      const option = right === 'encrypted' ? '--opt encrypted' : `--opt ${right}=${shellWord(value)}`;
      yield {
        severity: Severity.Warning,
        certainty: Certainty.Certain,
        summary: `Network ${view.name} has the option ${name}, which Docker ignores: it is called ${right}.`,
        subject: { nodes: aliases(node) },
        exhibits: [exhibit(`${name}=${value}`, [view])],
        advice: ['Create the network again with the right option.'],
        commands: [
          `docker network rm ${shellWord(view.name)}`,
          `docker network create --driver overlay ${option} ${shellWord(view.name)}`,
        ],
      };
    }
  }
}
