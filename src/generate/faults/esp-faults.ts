/** Faults of encryption. */
import { GenerateError } from '../error.js';
import type { LaneChange } from '../network-builder.js';
import { Alteration } from '../packet.js';
import { type Script } from '../script.js';
import type { Fault, FaultSite } from './fault.js';
import { MS, SECOND, unansweredConnection } from './script-parts.js';

const PORT = 9000;
const CLIENT_PORT = 42_000;
const TCP_PORT = 8000;
const PAYLOAD = 200;
const LAST_32 = 0xffffffff;
/**
 * Addresses that FNV-1a hashes to the same value, so that their SPIs to any node are the same under every key: nothing that is
 * hashed after them tells them apart.
 */
export const COLLIDING_SOURCES: readonly Uint8Array[] = [
  Uint8Array.of(192, 168, 17, 219),
  Uint8Array.of(10, 28, 76, 198),
];

/** UDP requests and answers; `show` may make one of them show the fault. */
function talk(
  site: FaultSite,
  count: number,
  show: (script: Script, i: number) => boolean,
  gap: number = 5 * MS,
  change: LaneChange = {},
  back: LaneChange = {},
): void {
  site.flow(site.builder.udp(site.a, site.b, PORT, change, back), (script) => {
    script.port = CLIENT_PORT;
    for (let i = 0; i < count; i++) {
      if (show(script, i)) script.fault = site.index;
      script.add(0, i === 0 ? 0 : gap, PAYLOAD);
      script.fault = -1;
      script.alterations = 0;
      script.add(1, 0.2 * MS, PAYLOAD);
    }
  });
}

const oneSidedEsp: Fault = {
  name: 'one-sided-esp',
  makes: 'ESP from one node to another, and none back',
  needs: 'encrypted',
  add(site) {
    const { builder, a, b } = site;
    site.flow(builder.tcp(a, b, TCP_PORT), (script) => {
      unansweredConnection(site, script, CLIENT_PORT);
    });
    site.flow(builder.udp(a, b, PORT), (script) => {
      script.port = CLIENT_PORT;
      script.fault = site.index;
      for (let i = 0; i < 20; i++) script.add(0, 100 * MS, PAYLOAD);
    });
  },
};

const unknownSpi: Fault = {
  name: 'unknown-spi',
  makes: 'ESP under a key that is in no key file',
  needs: 'encrypted',
  add(site) {
    const { builder, a, b } = site;
    site.ping(site.container(), site.container(), 5);
    const [one, other] = [builder.world.nodes[a.node].vtep, builder.world.nodes[b.node].vtep];
    const change = { sas: builder.keys.addUnknown(one, other) };
    const back = { sas: builder.keys.addUnknown(other, one) };
    site.flow(builder.udp(a, b, PORT, change, back), (script) => {
      script.port = CLIENT_PORT;
      script.fault = site.index;
      for (let i = 0; i < 30; i++) {
        script.add(0, 20 * MS, PAYLOAD);
        script.add(1, 0.2 * MS, PAYLOAD);
      }
    });
  },
};

const spiCollision: Fault = {
  name: 'spi-collision',
  makes: 'two nodes whose SPIs to a third are the same',
  needs: 'encrypted',
  add(site) {
    const { builder, b } = site;
    const { world, options } = builder;
    if (options.underlayIpv6) {
      throw new GenerateError('BAD_OPTION', 'spi-collision needs nodes with IPv4 addresses');
    }
    for (const [i, vtep] of COLLIDING_SOURCES.entries()) {
      const { name } = world.addNode(vtep);
      const from = site.container(world.nodes.findIndex((node) => node.name === name));
      site.flow(
        builder.udp(from, b, PORT),
        (script) => {
          script.port = CLIENT_PORT;
          for (let n = 0; n < 20; n++) {
            script.fault = site.index;
            script.add(0, 25 * MS, PAYLOAD);
            script.fault = -1;
            script.add(1, 0.2 * MS, PAYLOAD);
          }
        },
        20 + 7 * i,
      );
    }
  },
};

const icvInvalid: Fault = {
  name: 'icv-invalid',
  makes: 'ESP packets of which a bit was flipped on the way',
  needs: 'encrypted',
  add(site) {
    talk(site, 60, (script, i) => {
      const shows = i % 5 === 3;
      if (shows) script.alterations = Alteration.FlipBit;
      return shows;
    });
  },
};

const clearVxlan: Fault = {
  name: 'clear-vxlan-on-encrypted-network',
  makes: 'one node that sends an encrypted network in clear, and another one that encrypts',
  needs: 'encrypted',
  add(site) {
    const { builder, a, b } = site;
    const third = site.container();
    site.ping(b, third, 10);
    site.flow(builder.tcp(a, b, TCP_PORT, { sas: [] }, {}), (script) => {
      unansweredConnection(site, script, CLIENT_PORT);
    });
    site.flow(builder.echo(b, a, 701, {}, { sas: [] }), (script) => {
      for (let i = 1; i <= 10; i++) {
        script.add(0, 100 * MS, 56, i);
        script.fault = site.index;
        script.add(1, 0.2 * MS, 56, i);
        script.fault = -1;
      }
    });
  },
};

const natBetweenNodes: Fault = {
  name: 'nat-between-nodes',
  makes: "ESP from a translated address, in which UDP's checksum is still that of the node's own",
  needs: 'encrypted',
  add(site) {
    const { options } = site.builder;
    const outerSource = options.underlayIpv6
      ? Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7)
      : Uint8Array.of(203, 0, 113, 7);
    talk(site, 40, () => true, 20 * MS, { outerSource, translated: true });
  },
};

/** How long the node goes on with the old key, in nanoseconds. */
const MISSED_FOR = 75 * SECOND;

const rotationMissed: Fault = {
  name: 'rotation-missed',
  makes: 'a node that goes on sending with the old key after the others have rotated',
  needs: 'encrypted',
  rotates: true,
  add(site) {
    const { builder, a, b } = site;
    const [one, other] = [builder.world.nodes[a.node], builder.world.nodes[b.node]];
    const [old] = builder.keys.between(one, other);
    const rotation = site.duration / (1 + builder.options.rotations);
    const count = 200;
    const gap = (rotation + MISSED_FOR) / count;
    site.flow(
      builder.udp(a, b, PORT, { sas: [old] }),
      (script) => {
        script.port = CLIENT_PORT;
        for (let i = 0; i < count; i++) {
          if (i * gap > rotation) script.fault = site.index;
          script.add(0, gap, PAYLOAD);
          script.fault = -1;
        }
      },
      0,
    );
    site.flow(
      builder.udp(b, a, PORT),
      (script) => {
        script.port = CLIENT_PORT;
        for (let i = 0; i < count; i++) script.add(0, gap, PAYLOAD);
      },
      0,
    );
  },
};

const sequenceNearEnd: Fault = {
  name: 'sequence-near-end',
  makes: 'an SA of whose sequence numbers few are left',
  needs: 'encrypted',
  add(site) {
    const { builder, a, b } = site;
    const [one, other] = [builder.world.nodes[a.node].vtep, builder.world.nodes[b.node].vtep];
    const sas = builder.keys.add(one, other, LAST_32 - 3000);
    talk(site, 100, () => true, 10 * MS, { sas });
  },
};

const sequenceGaps: Fault = {
  name: 'sequence-gaps',
  makes: 'an SA that skips thousands of sequence numbers, four times',
  needs: 'encrypted',
  add(site) {
    talk(site, 100, (script, i) => {
      const shows = i % 25 === 20;
      if (shows) script.alterations = Alteration.SkipSequence;
      return shows;
    });
  },
};

const replayedPackets: Fault = {
  name: 'replayed-packets',
  makes: 'ESP packets that come again, byte for byte',
  needs: 'encrypted',
  add(site) {
    talk(site, 200, (script, i) => {
      const shows = i % 20 === 7;
      if (shows) script.alterations = Alteration.Replay;
      return shows;
    });
  },
};

/** Packets between the one that spares a sequence number and the one that has it: more than a window of 1024. */
const BEYOND_WINDOW = 1200;

const reorderedBeyondWindow: Fault = {
  name: 'reordered-beyond-window',
  makes: 'ESP packets that come 1200 packets late',
  needs: 'encrypted',
  add(site) {
    talk(
      site,
      3 * BEYOND_WINDOW,
      (script, i) => {
        const phase = i % BEYOND_WINDOW;
        if (phase === 10) script.alterations = Alteration.SpareSequence;
        if (phase !== BEYOND_WINDOW - 1) return false;
        script.alterations = Alteration.SparedSequence;
        return true;
      },
      0.5 * MS,
    );
  },
};

/** More packets than numbers that are taken for late. */
const BEFORE_RESTART = 4300;

const nonceReuse: Fault = {
  name: 'nonce-reuse',
  makes: 'an SA whose sequence numbers, and so its nonces, begin again under the same key',
  needs: 'encrypted',
  add(site) {
    talk(
      site,
      BEFORE_RESTART + 60,
      (script, i) => {
        if (i === BEFORE_RESTART) script.alterations = Alteration.RestartSequence;
        return i >= BEFORE_RESTART;
      },
      0.5 * MS,
    );
  },
};

/** All of them. */
export const ESP_FAULTS: readonly Fault[] = [
  natBetweenNodes,
  oneSidedEsp,
  unknownSpi,
  spiCollision,
  icvInvalid,
  clearVxlan,
  rotationMissed,
  sequenceNearEnd,
  sequenceGaps,
  replayedPackets,
  reorderedBeyondWindow,
  nonceReuse,
];
