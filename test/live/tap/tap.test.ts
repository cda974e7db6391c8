import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type InterfaceSettings, TapDevice } from '../../../src/live/index.js';
import { setInterface } from '../../../src/live/tap/interface-settings.js';
import { Poller } from '../../../src/live/system/poller.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { parsePrefix } from '../../../src/overlay/prefix.js';
import { parseMac } from '../../../src/wire/index.js';
import { command } from '../namespaces/command.js';
import { noise } from '../../fragment/split.js';
import { tcpFrame } from '../../fragment/tcp-frame.js';
import { inNamespace } from '../namespaces/in-namespace.js';
import { NamespaceBench } from '../namespaces/namespace-bench.js';
import type { NetworkNamespace } from '../namespaces/network-namespace.js';
import { requirements } from '../namespaces/requirements.js';
import { refused } from '../refused.js';

const MAC = '02:42:0a:00:09:03';
const SETTINGS: InterfaceSettings = { mac: parseMac(MAC), mtu: 1450, address: addressOf('10.0.9.3', 24) };

interface Shown {
  readonly address: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number; readonly scope: string }[];
}

function addressOf(ip: string, length: number): NonNullable<InterfaceSettings['address']> {
  const { address } = parsePrefix(`${ip}/${ip.includes(':') ? 128 : 32}`);
  return { address, length };
}

function shown(namespace: NetworkNamespace, device: string): Shown {
  return (JSON.parse(namespace.ip(`-json address show dev ${device}`)) as [Shown])[0];
}

describe('a TAP device', { skip: requirements() }, () => {
  let bench: NamespaceBench | undefined;
  const namespace = (name: string): NetworkNamespace => (bench ??= new NamespaceBench()).namespace(name);
  const taps: TapDevice[] = [];
  const tap = (netns: string, device: string, settings: Partial<InterfaceSettings> = {}): TapDevice => {
    const made = new TapDevice({ device, netns, ...SETTINGS, ...settings });
    taps.push(made);
    return made;
  };
  after(() => {
    for (const one of taps) one.close();
    bench?.close();
  });

  test('is up in its namespace with MAC, MTU and address, and gone once closed', () => {
    const c1 = namespace('c1');
    const device = tap(c1.name, 'eth0');
    const { address, mtu, flags, addr_info } = shown(c1, 'eth0');
    assert.deepEqual([address, mtu, flags.includes('UP')], [MAC, 1450, true]);
    assert.deepEqual(
      addr_info.filter(({ scope }) => scope === 'global').map(({ local, prefixlen }) => [local, prefixlen]),
      [['10.0.9.3', 24]],
    );
    assert.equal(device.name, `eth0 in ${c1.name}`);
    device.close();
    device.close();
    assert.throws(() => shown(c1, 'eth0'), /does not exist/);
  });

  test('has an IPv6 address if IPv6 is enabled; a persistent device has it also at the second start', () => {
    const c6 = namespace('c6');
    c6.write('/proc/sys/net/ipv6/conf/default/disable_ipv6', '0');
    c6.ip('tuntap add dev stays mode tap');
    c6.ip('link set stays addrgenmode none');
    const address = addressOf('fd00:9::3', 64);
    for (let start = 0; start < 2; start++) {
      tap(c6.name, 'stays', { address }).close();
      assert.deepEqual(
        shown(c6, 'stays').addr_info.map(({ local, prefixlen }) => [local, prefixlen]),
        [['fd00:9::3', 64]],
      );
    }
  });

  test('reports that IPv6 is disabled if that prevents its address', () => {
    const off = namespace('off');
    const text =
      /^can't set the IPv6 address of eth0: IPv6 is disabled there \(sysctl net\.ipv6\.conf\.eth0\.disable_ipv6\)$/;
    refused(() => tap(off.name, 'eth0', { address: addressOf('fd00:9::3', 64) }), 'NOT_PERMITTED', text);
    assert.throws(() => shown(off, 'eth0'), /does not exist/);
  });

  test('is not even created if it should have an IPv6 address and IPv6 is disabled', () => {
    const off = namespace('sixless');
    const here = namespace('here');
    /** The number that the next interface of `here` gets. */
    const next = (): number => {
      here.ip('tuntap add dev probe mode tap');
      const index = Number(/^\d+/.exec(here.ip('-oneline link show dev probe'))?.[0]);
      here.ip('link delete probe');
      return index + 1;
    };
    const before = next();
    const make = (): TapDevice => tap(off.name, 'eth0', { address: addressOf('fd00:9::3', 64) });
    refused(() => inNamespace(here.name, make), 'NOT_PERMITTED', /IPv6 is disabled there/);
    assert.equal(next(), before + 1);
  });

  test('receives frames from its namespace and sends frames to it', async () => {
    const ways = namespace('ways');
    const device = tap(ways.name, 'eth0');
    const arena = new Arena({ slots: 64, frameBytes: 2000, debug: true });
    const batch = new PacketBatch(arena);
    ways.ip('neighbour add 10.0.9.4 lladdr 02:42:0a:00:09:04 dev eth0 nud permanent');
    const ping = ways.start(['ping', '-n', '-c', '3', '-i', '0.05', '-W', '20', '10.0.9.4']);
    const poller = new Poller([device.descriptor]);
    const swap = (at: number, other: number, length: number): void => {
      const first = arena.bytes.slice(at, at + length);
      arena.bytes.copyWithin(at, other, other + length);
      arena.bytes.set(first, other);
    };
    let answered = 0;
    for (let turns = 0; answered < 3 && turns < 6000; turns++) {
      if (!poller.wait(0)) {
        await sleep(5);
        continue;
      }
      const count = device.receive(batch, 7);
      for (let i = 0; i < count; i++) {
        const at = batch.start[i];
        assert.equal(batch.network[i], 7);
        // ICMP echo: with its addresses swapped and its type changed, it is the reply.
        if (arena.bytes[at + 12] !== 8 || arena.bytes[at + 23] !== 1) continue;
        assert.equal(batch.end[i] - at, 98);
        swap(at, at + 6, 6);
        swap(at + 26, at + 30, 4);
        arena.bytes[at + 34] = 0;
        const sum = ((arena.bytes[at + 36] << 8) | arena.bytes[at + 37]) + 0x0800;
        const folded = (sum & 0xffff) + (sum >>> 16);
        arena.bytes[at + 36] = folded >>> 8;
        arena.bytes[at + 37] = folded;
        device.send(arena.bytes, at, batch.end[i]);
        answered++;
      }
      batch.clear();
    }
    const { stdout } = await ping.end();
    assert.match(stdout, /3 packets transmitted, 3 received/);
    assert.ok(device.counters.received >= 3);
    assert.deepEqual([device.counters.sent, device.counters.refused], [3, 0]);
    assert.deepEqual(arena.holders(), []);
  });

  test('refuses a frame that requests segments of one byte, and reports why', () => {
    const tiny = namespace('tiny');
    const device = tap(tiny.name, 'eth0');
    const arena = new Arena({ slots: 64, frameBytes: 2000, debug: true });
    const batch = new PacketBatch(arena);
    const receive = (): number => {
      let frames = 0;
      const poller = new Poller([device.descriptor]);
      while (device.pending || poller.wait(0)) {
        frames += device.receive(batch, 0);
        batch.clear();
      }
      return frames;
    };
    receive();
    // A packet socket with PACKET_VNET_HDR, which CAP_NET_RAW is enough for: virtio_net_hdr of TCP over IPv4, then the frame.
    const frame = Buffer.from(tcpFrame(noise(60_000, 1), { partial: true })).toString('hex');
    const send = (size: number): string =>
      tiny.call([
        'python3',
        '-c',
        `import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
s.bind(('eth0', 0))
s.setsockopt(263, 15, 1)
frame = bytes.fromhex('${frame.slice(0, 2 * 54)}') + bytes(60000)
s.send(struct.pack('<BBHHHH', 1, 1, 54, ${size}, 34, 16) + frame)`,
      ]);
    send(1);
    assert.equal(receive(), 0);
    assert.deepEqual(device.counters.refusedBy, { SKB_GSO_SEG_Size: 1 });
    send(1000);
    assert.equal(receive(), 60);
    assert.equal(device.counters.refused, 1);
    assert.deepEqual(arena.holders(), []);
  });

  test('reports its deletion when it is read, refuses frames, and leaks no slot', () => {
    const gone = namespace('gone');
    const device = tap(gone.name, 'eth0');
    const arena = new Arena({ slots: 4, frameBytes: 2000, debug: true });
    const batch = new PacketBatch(arena);
    // Frames that the namespace has sent on its own don't matter here.
    while (device.receive(batch, 0) > 0) batch.clear();
    assert.equal(device.failure, undefined);
    gone.ip('link delete eth0');
    assert.equal(new Poller([device.descriptor]).wait(20_000), true);
    assert.equal(device.receive(batch, 0), 0);
    assert.equal(device.failure, `the device eth0 in ${gone.name} is gone (EBADFD)`);
    const slot = arena.take();
    device.send(arena.bytes, arena.frameOffsetOf(slot), arena.frameOffsetOf(slot) + 60);
    assert.equal(device.counters.refused, 1);
    arena.free(slot);
    device.close();
    assert.deepEqual(arena.holders(), []);
  });

  test('keeps no namespace alive: it disappears with a removed namespace and the other devices in it', async () => {
    const witness = namespace('witness');
    const dying = namespace('dying');
    witness.ip(`link add here type veth peer name there netns ${dying.name}`);
    const device = tap(dying.name, 'eth0');
    assert.equal(device.holdsNamespace, false);
    const batch = new PacketBatch(new Arena({ slots: 64, frameBytes: 2000 }));
    command(['ip', 'netns', 'delete', dying.name]);
    const isGone = (): boolean => !witness.ip('-brief link show').includes('here');
    for (let waited = 0; (!isGone() || device.failure === undefined) && waited < 10_000; waited += 20) {
      while (device.receive(batch, 0) > 0) batch.clear();
      await sleep(20);
    }
    assert.equal(isGone(), true, 'the namespace is held by something');
    assert.match(device.failure ?? '', /is gone \(EBADFD\)$/);
    // For the bench, which removes it at the end.
    command(['ip', 'netns', 'add', dying.name]);
  });

  test('leaves no device in this namespace if it can’t be created in another', () => {
    const full = namespace('full');
    full.ip('link add eth0 type veth peer name eth1');
    const names = (): string => command(['ip', '-brief', 'link', 'show']);
    const before = names();
    refused(() => tap(full.name, 'eth0'), 'SYSTEM_CALL', /^can't create the TAP device eth0 in .* \(EINVAL\)$/);
    refused(() => tap(full.name, 'new', { mtu: 9_999_999 }), 'SYSTEM_CALL', /MTU of new \(EINVAL\)$/);
    assert.equal(names(), before);
    assert.throws(() => shown(full, 'new'), /does not exist/);
  });

  test('a pre-existing device holds its namespace', () => {
    const held = namespace('held');
    held.ip('tuntap add dev stays mode tap');
    const device = tap(held.name, 'stays');
    assert.equal(device.holdsNamespace, true);
    device.close();
  });

  test('leaves no descriptor and no device if it can’t be created', () => {
    const busy = namespace('busy');
    tap(busy.name, 'taken');
    const before = readdirSync('/proc/self/fd').length;
    refused(
      () => tap(busy.name, 'taken'),
      'SYSTEM_CALL',
      /^another process has the TAP device taken in .*; stop it first$/,
    );
    refused(() => tap(busy.name, 'lo'), 'SYSTEM_CALL', /create the TAP device lo in .* \(EINVAL\)/);
    refused(() => tap(busy.name, 'bad', { mtu: 9_999_999 }), 'SYSTEM_CALL', /^can't set the MTU of bad \(EINVAL\)$/);
    refused(() => tap(busy.name, 'far/off'), 'BAD_NODE', /1 to 15 characters/);
    refused(() => tap('none-such', 'eth0'), 'NOT_THERE', /"none-such"/);
    assert.equal(readdirSync('/proc/self/fd').length, before);
    assert.throws(() => shown(busy, 'bad'), /does not exist/);
  });

  test('settings of a missing device can’t be changed', () => {
    const empty = namespace('empty');
    const set = (): void => inNamespace(empty.name, () => setInterface('none', SETTINGS));
    refused(set, 'NOT_THERE', /^can't set the MAC of none \(ENODEV\)$/);
  });
});
