/** The page without a capture: what it is, and what to give it. */
import type { GivenText } from '../../worker/messages.js';
import type { NamedBlob } from '../inputs/sort-files.js';
import { CopyableText } from '../parts/copy-button.js';
import { FileInputs } from './file-inputs.js';

/** Records what the overlay puts on the wire: VXLAN, ESP with and without UDP, gossip, and later fragments. */
const RECORD =
  "tcpdump -i eth0 -s 0 -w overlay.pcap 'udp port 4789 or esp or udp port 4500 or port 7946 or ip[6:2] & 0x1fff != 0'";

interface WelcomeProps {
  readonly texts: readonly GivenText[];
  readonly onFiles: (files: readonly NamedBlob[]) => void;
  readonly onSample: () => void;
}

export function Welcome({ texts, onFiles, onSample }: WelcomeProps) {
  return (
    <div class="welcome-content">
      <h2>See what an overlay network does, from a capture</h2>
      <p class="lead">
        Open a recording of the traffic between the nodes of a Docker swarm, or of any VXLAN network. Give the keys, and
        the encrypted networks open, too. Everything happens in this page: no byte leaves this machine.
      </p>
      {texts.length > 0 && (
        <p class="good">{texts.map(({ name }) => name).join(', ')}: kept for the capture that you open next.</p>
      )}
      <p>
        <button class="primary" onClick={onSample}>
          Try it
        </button>{' '}
        <span class="faint">Opens a recording of a real swarm with an encrypted network, and its keys.</span>
      </p>
      <FileInputs onFiles={onFiles} />
      <h3>How to get them</h3>
      <ol class="how">
        <li>
          On a node, record the interface that the nodes reach each other through:
          <CopyableText text={RECORD} />
        </li>
        <li>
          If a network is encrypted, print the keys of one of the nodes:
          <CopyableText text="ip xfrm state > keys.txt" />
        </li>
        <li>
          For names of services and tasks, on a manager:
          <CopyableText text="docker network inspect --verbose $(docker network ls -q --filter driver=overlay) > networks.json" />
        </li>
      </ol>
      <p class="faint">
        pcap and pcapng, also compressed with gzip. Key rings, esp_sa of Wireshark, and whatever else vtep doctor takes:
        forwarding tables, firewall rules, logs.
      </p>
    </div>
  );
}
