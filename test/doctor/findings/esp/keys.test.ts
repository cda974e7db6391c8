/** Findings about ESP that is decrypted. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { nodeBackend, hkdfSha256 } from '../../../../src/aead/index.js';
import { MemoryReader, openCapture } from '../../../../src/capture/index.js';
import type { CaptureExamOptions } from '../../../../src/doctor/capture/index.js';
import { Certainty, Severity } from '../../../../src/doctor/finding.js';
import { clearVxlanOnEncryptedNetwork } from '../../../../src/doctor/findings/esp/clear-vxlan-on-encrypted-network.js';
import { icvInvalid } from '../../../../src/doctor/findings/esp/icv-invalid.js';
import { oneSidedEsp } from '../../../../src/doctor/findings/esp/one-sided-esp.js';
import { rotationMissed } from '../../../../src/doctor/findings/esp/rotation-missed.js';
import { unknownSpi } from '../../../../src/doctor/findings/esp/unknown-spi.js';
import { EspDrop, OutboundEsp, OutboundSa } from '../../../../src/ipsec/index.js';
import { ClusterKey, deriveSa, KeyRing, Profile, SpiForm } from '../../../../src/overlay/index.js';
import { CaptureKeys } from '../../../../src/overlay/internal.js';
import { parseIpv4, VXLAN_PORT } from '../../../../src/wire/index.js';
import { udpIp, vxlan } from '../../../dataplane/build.js';
import { readInputs } from '../../../../src/doctor/inputs/index.js';
import { generated } from '../../../generate/generated.js';
import { fixture } from '../../../repository.js';
import { keysIn, keysOf, wrongKeys } from '../../capture/keys.js';
import {
  A,
  B,
  captured,
  diagnosed,
  echo,
  evidenceOf,
  every,
  examined,
  found,
  gossip,
  inner,
  node,
  ONE,
  onWire,
  packetsOf,
  recorded,
  sealed,
  there,
  tunnelled,
  TWO,
  VNI,
} from '../../capture/packets.js';
import { networkView } from '../../capture/views.js';

const aead = nodeBackend.create();

function keyOf(tag: number): ClusterKey {
  return new ClusterKey(tag, new Uint8Array(16).fill(tag + 3));
}

/** What opens packets of a ring with these tags. */
function ring(...tags: readonly number[]) {
  const keys = new CaptureKeys();
  keys.add({ kind: 'ring', warnings: [], ring: new KeyRing(tags.map(keyOf)), profile: Profile.Swarm });
  return keys.open(aead, hkdfSha256);
}

/** A sender with the SA of a key. */
class Sender {
  readonly #sa: OutboundSa;
  readonly #esp = new OutboundEsp(aead, 1);

  constructor(
    readonly from: string,
    readonly to: string,
    tag: number,
    spiForm: SpiForm = SpiForm.Mapped,
  ) {
    const pair = { key: keyOf(tag), source: parseIpv4(from), destination: parseIpv4(to), spiForm };
    this.#sa = new OutboundSa(deriveSa(Profile.Swarm, pair, hkdfSha256), aead, {
      ivMask: new Uint8Array(8),
      sequence: { high: 0, low: 0 },
    });
  }

  packet(vni = VNI, content = echo()): Uint8Array {
    const packet = udpIp(4, VXLAN_PORT, vxlan(vni, inner(content)), 'right', this.from, this.to);
    const bytes = new Uint8Array(128 + packet.length);
    bytes.set(packet, 64);
    assert.equal(this.#esp.push(this.#sa, bytes, 64, 64 + packet.length, 0), EspDrop.None);
    this.#esp.flush();
    return onWire(bytes.slice(this.#esp.start, this.#esp.end));
  }

  packets(count: number): Uint8Array[] {
    return Array.from({ length: count }, () => this.packet());
  }
}

describe('icv-invalid', () => {
  test('the recording with a wrong key: an error for what nothing opens', async () => {
    const capture = await recorded('esp/04-esp-wrong-key.underlay.pcap', wrongKeys());
    const dump = readFileSync(fixture('esp/04-esp-wrong-key.xfrm.txt'), 'utf8');
    const { nodes } = readInputs([{ name: 'xfrm.txt', text: dump }]);
    const [diagnosis, ...rest] = found(icvInvalid, evidenceOf([capture], ...nodes));
    assert.equal(rest.length, 0);
    assert.equal(diagnosis.severity, Severity.Error);
    assert.equal(diagnosis.subject.spi, 0x3d1f9a01);
    assert.match(diagnosis.exhibits[0].text, /^3 wrong ICVs of 3 packets/);
    // With the sender's own key, it opens.
    const right = await recorded('esp/04-esp-wrong-key.underlay.pcap', keysOf('esp/04-esp-wrong-key.xfrm.txt'));
    assert.deepEqual(diagnosed(icvInvalid, right), []);
  });

  test('packets with ESN and an ICV of 16 bytes, keys of esp_sa: it cannot tell, and asks for the SAs', async () => {
    const { bytes, generator } = generated({ packets: 300, encrypted: true, profile: Profile.Strict });
    const xfrm = generator.xfrmCommands();
    assert.match(xfrm, /flag esn/);
    const capture = async (options: CaptureExamOptions) =>
      examined(await openCapture(new MemoryReader(bytes)), options);
    const diagnoses = diagnosed(icvInvalid, await capture(keysIn(generator.espSa())));
    for (const { severity, certainty, summary, collect } of diagnoses) {
      assert.deepEqual([severity, certainty], [Severity.Warning, Certainty.Possible]);
      assert.match(summary, /opens with its key in esp_sa: .* extended sequence numbers/);
      assert.match(collect?.[0] ?? '', /ip -s xfrm state/);
    }
    assert.ok(diagnoses.length > 0);
  });

  test('a damaged packet among good ones: a warning', async () => {
    const packets = new Sender(ONE, TWO, 5).packets(6);
    packets[3][packets[3].length - 1] ^= 1;
    const [diagnosis] = diagnosed(icvInvalid, await captured(every(0.1, packets), ring(5)));
    assert.equal(diagnosis.severity, Severity.Warning);
    assert.deepEqual(packetsOf(diagnosis), [4]);
  });

  test('the right keys: nothing', async () => {
    assert.deepEqual(
      diagnosed(icvInvalid, await captured(every(0.1, new Sender(ONE, TWO, 5).packets(6)), ring(5))),
      [],
    );
    const docker = await recorded('docker/07-encrypted.underlay.pcap', keysOf('docker/07-encrypted.xfrm.txt'));
    assert.deepEqual(diagnosed(icvInvalid, docker), []);
  });
});

describe('unknown-spi', () => {
  test('none of the keys explains it: a warning', async () => {
    const packets = [...new Sender(ONE, TWO, 5).packets(3), sealed(1), sealed(2)];
    const [diagnosis, ...rest] = diagnosed(unknownSpi, await captured(every(0.1, packets), ring(5)));
    assert.equal(rest.length, 0);
    assert.equal(diagnosis.severity, Severity.Warning);
    assert.deepEqual([diagnosis.subject.spi, packetsOf(diagnosis)], [0x1000, [4, 5]]);
  });

  test('one node hashes 4 bytes and the other 16: an error; both 4: a note', async () => {
    const short = new Sender(ONE, TWO, 5, SpiForm.Short).packets(3);
    const mapped = new Sender(TWO, ONE, 5).packets(3);
    const found = async (packets: readonly Uint8Array[]) => {
      const keys = ring(5);
      return diagnosed(unknownSpi, await captured(every(0.1, packets), keys)).map(({ severity }) => severity);
    };
    assert.deepEqual(await found([...short, ...mapped]), [Severity.Error]);
    assert.deepEqual(await found(new Sender(ONE, TWO, 5, SpiForm.Short).packets(3)), [Severity.Note]);
    assert.deepEqual(await found(new Sender(TWO, ONE, 5).packets(3)), []);
  });
});

describe('one-sided-esp', () => {
  test('UDP that nobody answers is no fault; pings without an answer are one', async () => {
    const sender = new Sender(ONE, TWO, 5);
    const other = every(0.3, [gossip(), gossip(TWO, ONE)]);
    const found = async (content: () => Uint8Array) => {
      const packets = Array.from({ length: 8 }, () => sender.packet(VNI, content()));
      return diagnosed(oneSidedEsp, await captured([...every(0.3, packets), ...other], ring(5))).length;
    };
    assert.equal(await found(() => udpIp(4, 514, new Uint8Array(50), 'right', A, B)), 0);
    assert.equal(await found(() => echo()), 1);
  });
});

describe('clear-vxlan-on-encrypted-network', () => {
  test('frames of a network in ESP and in clear', async () => {
    const packets = [...new Sender(ONE, TWO, 5).packets(3), there(echo()), there(echo())];
    const [diagnosis, ...rest] = diagnosed(clearVxlanOnEncryptedNetwork, await captured(every(0.1, packets), ring(5)));
    assert.equal(rest.length, 0);
    assert.equal(diagnosis.severity, Severity.Error);
    assert.deepEqual(diagnosis.subject, { nodes: [ONE, TWO], vni: VNI });
    assert.deepEqual(packetsOf(diagnosis).slice(0, 2), [4, 5]);
    assert.ok(diagnosis.exhibits.length === 2);
  });

  test('another cluster has a network with the same VNI, in clear: nothing', async () => {
    const foreign = tunnelled(inner(echo()), { from: '10.9.9.1', to: '10.9.9.2' });
    const capture = await captured(every(0.1, [...new Sender(ONE, TWO, 5).packets(3), foreign]), ring(5));
    assert.deepEqual(diagnosed(clearVxlanOnEncryptedNetwork, capture), []);
    const views = node({ networks: [networkView({ encrypted: true, peers: [ONE, TWO] })] });
    assert.deepEqual(found(clearVxlanOnEncryptedNetwork, evidenceOf([await captured(every(1, [foreign]))], views)), []);
  });

  test('clear frames that arrive where ESP leaves may have been decrypted by ESP offload: a warning', async () => {
    const views = node({ networks: [networkView({ encrypted: true })] });
    const outbound = [1, 2, 3].map((sequence) => sealed(sequence, { from: TWO, to: ONE }));
    const at = async (packets: readonly Uint8Array[], name: string) => {
      const own = node({ name, addresses: [ONE], captures: [await captured(every(0.1, packets))] });
      return found(clearVxlanOnEncryptedNetwork, evidenceOf([], own, views)).map(({ certainty }) => certainty);
    };
    const arriving = [there(echo()), ...outbound];
    assert.deepEqual(await at(arriving, ''), [Certainty.Possible]);
    // The sender's own capture shows what it sends, and ESP from a third node that the receiver doesn't offload.
    assert.deepEqual(await at(arriving, 'node1'), [Certainty.Certain]);
    const third = sealed(1, { from: '192.168.50.3', to: TWO, spi: 0x3000 });
    assert.deepEqual(await at([...arriving, third], ''), [Certainty.Certain]);
  });

  test('docker says that the network is encrypted', async () => {
    const capture = await captured(every(0.1, [there(echo())]));
    const found = (encrypted: boolean) =>
      [...clearVxlanOnEncryptedNetwork.find(evidenceOf([capture], node({ networks: [networkView({ encrypted })] })))]
        .length;
    assert.deepEqual([found(true), found(false)], [1, 0]);
  });
});

describe('rotation-missed', () => {
  test("with a ring, a node is behind if its key's tag is older than the others'", async () => {
    const [old, next] = [new Sender(ONE, TWO, 5), new Sender(TWO, ONE, 6)];
    const packets = every(
      10,
      Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? old.packet() : next.packet())),
    );
    const [diagnosis] = diagnosed(rotationMissed, await captured(packets, ring(4, 5, 6)));
    assert.deepEqual(diagnosis.subject, { nodes: [ONE] });
    assert.match(diagnosis.exhibits[0].text, /key 5/);
  });
});
