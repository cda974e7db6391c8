import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checksumOffloadOn } from '../../../../src/doctor/findings/node/checksum-offload-on.js';
import { xfrmIntegrityCounted } from '../../../../src/doctor/findings/node/counters/xfrm-integrity-counted.js';
import { NODE_FINDINGS } from '../../../../src/doctor/findings/node/index.js';
import { isSilent, raises } from '../../assert-finding.js';
import { capture, changed, counter, evidence, node, ONE, TWO } from '../../swarm-evidence.js';

/** The counters of Linux 6.12 (net/xfrm/xfrm_proc.c), and what a rising one is. */
const COUNTERS: Readonly<Record<string, string>> = {
  XfrmInError: 'xfrm-other-errors-counted',
  XfrmInBufferError: 'xfrm-other-errors-counted',
  XfrmInHdrError: 'xfrm-other-errors-counted',
  XfrmInNoStates: 'xfrm-unknown-spi-counted',
  XfrmInStateProtoError: 'xfrm-integrity-counted',
  XfrmInStateModeError: 'xfrm-other-errors-counted',
  XfrmInStateSeqError: 'xfrm-sequence-counted',
  XfrmInStateExpired: 'xfrm-other-errors-counted',
  XfrmInStateMismatch: 'xfrm-other-errors-counted',
  XfrmInStateInvalid: 'xfrm-other-errors-counted',
  XfrmInTmplMismatch: 'xfrm-policy-counted',
  XfrmInNoPols: 'xfrm-policy-counted',
  XfrmInPolBlock: 'xfrm-policy-counted',
  XfrmInPolError: 'xfrm-policy-counted',
  XfrmOutError: 'xfrm-other-errors-counted',
  XfrmOutBundleGenError: 'xfrm-out-without-sa',
  XfrmOutBundleCheckError: 'xfrm-out-without-sa',
  XfrmOutNoStates: 'xfrm-out-without-sa',
  XfrmOutStateProtoError: 'xfrm-other-errors-counted',
  XfrmOutStateModeError: 'xfrm-other-errors-counted',
  XfrmOutStateSeqError: 'xfrm-out-sequence-counted',
  XfrmOutStateExpired: 'xfrm-other-errors-counted',
  XfrmOutPolBlock: 'xfrm-policy-counted',
  XfrmOutPolDead: 'xfrm-policy-counted',
  XfrmOutPolError: 'xfrm-policy-counted',
  XfrmFwdHdrError: 'xfrm-policy-counted',
  XfrmOutStateInvalid: 'xfrm-other-errors-counted',
  XfrmAcquireError: 'xfrm-out-without-sa',
};

describe('counters of /proc/net/xfrm_stat', () => {
  it('are each about one finding, where they rise', () => {
    for (const [name, id] of Object.entries(COUNTERS)) {
      const swarm = evidence([node('node1', { xfrmCounters: [counter(name, 5, 105)] })]);
      const ids = NODE_FINDINGS.filter((finding) => [...finding.find(swarm)].length > 0).map((finding) => finding.id);
      assert.deepEqual(ids, [id], name);
    }
  });

  it('say how much they rose', () => {
    const swarm = evidence([node('node1', { xfrmCounters: [counter('XfrmInStateProtoError', 5, 1005)] })]);
    const { certainty } = raises(
      xfrmIntegrityCounted,
      swarm,
      /^node1 dropped ESP packets whose ICV is wrong: 1,000 packets between two outputs/,
      'error',
    );
    assert.equal(certainty, 'certain');
  });

  it('are a note if it is unknown whether they rise, and nothing if they no longer do', () => {
    const swarm = (later?: number) =>
      evidence([node('node1', { xfrmCounters: [counter('XfrmInStateProtoError', 5, later)] })]);
    raises(xfrmIntegrityCounted, swarm(), /5 packets since it was started/, 'note');
    isSilent(xfrmIntegrityCounted, swarm(5));
  });
});

describe('checksum offload (moby/moby#41775)', () => {
  const wrong = (count: number, of: number, source = ONE) => ({
    kind: 'inner TCP',
    of,
    difference: undefined,
    source,
    destination: TWO,
    vni: 4097,
    count,
    packets: [3, 4, 5],
    firstSeconds: 1,
    lastSeconds: 2,
  });
  const received = (...rows: readonly ReturnType<typeof wrong>[]) =>
    changed('node2', () => ({ captures: [capture({}, 'node2.pcap', { wrongChecksums: rows })] }));

  it('is found where it is on, and wrong sums arrive from there', () => {
    const { commands, certainty, exhibits } = raises(
      checksumOffloadOn,
      received(wrong(40, 40)),
      /^40 packets from node1 arrived at node2 with wrong inner checksums/,
    );
    assert.deepEqual(commands, ['ethtool -K eth0 tx-checksum-ip-generic off']);
    assert.equal(certainty, 'likely');
    assert.deepEqual(exhibits[0].places?.[0], { file: 'node2.pcap', packet: 3 });
  });

  it("isn't found in a few damaged packets, or in those of another node", () => {
    isSilent(checksumOffloadOn, received(wrong(2, 2), wrong(40, 4000)));
    isSilent(checksumOffloadOn, received(wrong(40, 40, '192.168.50.9')));
  });

  it("isn't found where it is off, or in a capture of the sender, whose sums are not written yet", () => {
    const off = changed(
      'node1',
      ({ offloads }) => ({ offloads: offloads.map((one) => ({ ...one, on: false })) }),
      received(wrong(40, 40)),
    );
    isSilent(checksumOffloadOn, off);
    const own = capture({}, 'node1.pcap', { wrongChecksums: [wrong(40, 40)] });
    isSilent(
      checksumOffloadOn,
      changed('node1', () => ({ captures: [own] })),
    );
  });
});
