/** The parts of recordings that are split into files merge to the report of one pass. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SurveyOptions } from '../../../src/inspect/index.js';
import { seededCuts } from '../../capture/split-capture.js';
import { keysFor } from '../../doctor/capture/keys.js';
import { inOnePass, merged, packetsOf, splitAt } from './parted-survey.js';

const RECORDINGS = [
  'captures/ah-esp-ipv4.pcap',
  'captures/spb-times.pcapng',
  'captures/tso-length-zero.pcap',
  'captures/vxlan-port-8472.pcap',
  'docker/05-ingress.underlay.pcap',
  'docker/07-encrypted.underlay.pcap',
  'docker/09-drain-leave.underlay.pcap',
  'esp/03-esp-padding.underlay.pcap',
  'esp/04-esp-wrong-key.underlay.pcap',
  'esp/05-esp-aes256-icv128-esn.underlay.pcap',
  'esp/08-esp-key-rotation.underlay.pcap',
  'esp/09-esp-frag-1500.underlay.pcap',
  'esp/12-esp-tunnel.underlay.pcap',
  'esp/13-esp-natt.underlay.pcap',
  'esp/14-esp-ipv6.underlay.pcap',
  'esp/16-vxlan-frag-reorder-dup-loss.underlay.pcap',
  'gossip/live-refute.pcap',
  'services/ipvs-5-reuse.pcap',
  'services/ipvs-7-frag.pcap',
  'vxlan/09-ipv6-inner-proxy.underlay.pcap',
  'vxlan/10-formats.snap96.pcap',
  'vxlan/11-any-sll.pcap',
  'vxlan/11-any-sll2.pcap',
  'vxlan/20-learning-arp-icmp.underlay.pcap',
  'vxlan/30-outerfrag-1500-icmp.underlay.pcap',
  'vxlan/40-routed-router-frag.underlay-n1.pcap',
  'vxlan/50-ipv6-underlay.underlay.pcap',
  'vxlan/60-offload-on-http.underlay.pcap',
] as const;

interface Way {
  /** Numbers of files. */
  readonly parts: readonly number[];
  readonly options: (recording: string) => SurveyOptions;
}

/** What is surveyed, by what it is called. */
const WAYS: Readonly<Record<string, Way>> = {
  'without keys': { parts: [3], options: () => ({}) },
  'with keys, gossip and conversations': {
    parts: [2, 3, 7],
    options: (recording) => ({ ...keysFor(recording), flows: true }),
  },
  'with few conversations and without checksums': {
    parts: [7],
    options: (recording) => ({ ...keysFor(recording), flows: { maxConversations: 3 }, checksums: false }),
  },
};

describe('the parts of a recording that is split into files', () => {
  for (const [way, { parts: counts, options }] of Object.entries(WAYS)) {
    test(`merge to the report of one pass, ${way}`, async () => {
      for (const [seed, recording] of RECORDINGS.entries()) {
        const packets = await packetsOf(recording);
        for (const parts of counts) {
          const files = splitAt(packets, seededCuts(packets.length, parts, parts + seed));
          const { report, start } = inOnePass(files, options(recording));
          const result = merged(files, () => options(recording), start);
          assert.equal(JSON.stringify(result), JSON.stringify(report), `${recording} in ${parts} files`);
        }
      }
    });
  }

  test('merge to the report of one pass wherever a fragmented one is split', async () => {
    const packets = (await packetsOf('esp/16-vxlan-frag-reorder-dup-loss.underlay.pcap')).slice(0, 60);
    for (let cut = 1; cut < packets.length; cut++) {
      const files = splitAt(packets, [cut]);
      const { report, start } = inOnePass(files, { flows: true });
      assert.ok(report.fragments.reassembled > 0);
      const result = merged(files, () => ({ flows: true }), start);
      assert.equal(JSON.stringify(result), JSON.stringify(report), `after ${cut} packets`);
    }
  });

  test('merge to the report of one pass if the recording is mixed from several link types', async () => {
    const recordings = [
      'vxlan/11-any-sll.pcap',
      'captures/linktype-104.pcap',
      'vxlan/01-icmp.underlay.pcap',
      'vxlan/11-any-sll2.pcap',
    ];
    const several = await Promise.all(recordings.map((recording) => packetsOf(recording)));
    const packets = Array.from({ length: 40 }, (_, i) => several.flatMap((each) => each.slice(i, i + 1))).flat();
    const files = splitAt(packets, seededCuts(packets.length, 7, 1));
    const { report, start } = inOnePass(files, { flows: true });
    assert.equal(report.linkTypes.length, 4);
    assert.equal(JSON.stringify(merged(files, () => ({ flows: true }), start)), JSON.stringify(report));
  });
});
