/** What Wireshark asks of each interface before a capture: link types and settings. Loads little: it asks at each start. */
import { LinkType } from '../../wire/index.js';
import { version } from '../version.js';
import { sentence } from './sentences.js';

/** Opened by Wireshark's help on the interface. */
const HELP_URL = 'https://www.npmjs.com/package/vtep';

/** The answer to `--extcap-version`, which also begins the list of interfaces. */
export function versionSentence(): string {
  return sentence('extcap', { version: version(), help: HELP_URL });
}

/**
 * The answer to `--extcap-dlts`. There is one, as extcap demands; the pipe's pcapng says the link type of each of its
 * interfaces.
 */
export function linkTypeSentence(): string {
  return sentence('dlt', { number: LinkType.Ethernet, name: 'EN10MB', display: 'Ethernet' });
}

/** The answer to `--extcap-config`: the options of `vtep extcap` that Wireshark offers. */
export function configSentences(): readonly string[] {
  const args = [
    {
      call: '--keys',
      display: 'Keys',
      tooltip:
        "Decrypts ESP: output of ip xfrm state, an esp_sa file, or a key ring. Wireshark keeps the file's name, not its contents",
      type: 'fileselect',
      mustexist: true,
    },
    {
      call: '--port',
      display: 'UDP port of VXLAN',
      tooltip: 'If it is not 4789: docker swarm init --data-path-port changes it, flannel uses 8472',
      type: 'integer',
      range: '1,65535',
    },
    {
      call: '--vni',
      display: 'Only this VNI',
      tooltip: 'Packets of other networks are left out',
      type: 'integer',
      range: '0,16777215',
    },
    {
      call: '--undecoded',
      display: 'Show packets that could not be decoded',
      tooltip:
        'Packets without a key, with a wrong ICV or damaged, as they were captured; their comments say what is wrong',
      type: 'boolflag',
      default: true,
    },
  ];
  return args.map((members, number) => sentence('arg', { number, ...members }));
}
