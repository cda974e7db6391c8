/**
 * Run by up-flood.test.ts in a namespace: floods a VTEP for some seconds with random UDP payloads for its port, random
 * ESP, incomplete fragments, VXLAN of unknown networks, and VXLAN with plausible frames.
 */
import { SendVector } from '../../../src/live/socket/send-vector.js';
import { SocketOption, SocketType, SystemSocket } from '../../../src/live/socket/system-socket.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { parseIp } from '../../../src/overlay/prefix.js';
import { SeededRandom } from '../../../src/replay/index.js';

const [source, destination, seconds] = process.argv.slice(2);
const [from, to] = [parseIp(source), parseIp(destination)];
const random = new SeededRandom(4789);
const PORT = 4789;
const UDP = 17;
const ESP = 50;
const KINDS = 6;

/** An IPv4 packet; the kernel writes its length, identification and checksum. */
function packetOf(protocol: number, fragment: number, payload: Uint8Array): Uint8Array {
  const header = [0x45, 0, 0, 0, 0, 0, fragment >>> 8, fragment & 255, 64, protocol, 0, 0, ...from, ...to];
  return Uint8Array.from([...header, ...payload]);
}

function udp(payload: Uint8Array): Uint8Array {
  const length = payload.length + 8;
  return Uint8Array.from([random.below(256), 9, PORT >>> 8, PORT & 255, length >>> 8, length & 255, 0, 0, ...payload]);
}

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

function vxlan(vni: number, frame: Uint8Array): Uint8Array {
  return Uint8Array.from([8, 0, 0, 0, vni >>> 16, (vni >>> 8) & 255, vni & 255, 0, ...frame]);
}

/** A frame to the container there, from a container that may not exist. */
function frame(known: boolean): Uint8Array {
  const sender = known ? [2, 0x42, 10, 0, 9, 4] : [...bytes(6)].map((byte, i) => (i === 0 ? byte & 0xfe : byte));
  return Uint8Array.from([2, 0x42, 10, 0, 9, 3, ...sender, 8, 0, ...bytes(random.below(200))]);
}

function packet(i: number): Uint8Array {
  switch (i % KINDS) {
    case 0:
      return packetOf(UDP, 0, udp(bytes(random.below(300))));
    case 1:
      return packetOf(ESP, 0, bytes(random.below(300)));
    case 2:
      // Sets MF, but the other fragments never follow.
      return packetOf(UDP, 0x2000 | random.below(100), bytes(8 * random.below(20) + 8));
    case 3:
      return packetOf(UDP, 0, udp(vxlan(5000 + random.below(1000), frame(true))));
    case 4:
      return packetOf(UDP, 0, udp(vxlan(4097, frame(true))));
    default:
      return packetOf(UDP, 0, udp(vxlan(4097, frame(false))));
  }
}

const socket = new SystemSocket(4, SocketType.Raw, 255, 'a flood');
socket.set(SocketOption.SendBufferForce, 1 << 22);
const vector = new SendVector(64);
vector.setAddresses([to], 0);
const arena = new Arena({ slots: 256 * 8, frameBytes: 600 });
const batches = Array.from({ length: 8 }, () => {
  const batch = new PacketBatch(arena);
  for (let i = 0; !batch.full; i++) {
    const made = packet(i);
    batch.copyIn(made, 0, made.length, -1, 0);
  }
  return batch;
});
process.stderr.write('begun\n');
const end = performance.now() + Number(seconds) * 1000;
while (performance.now() < end) for (const batch of batches) vector.send(socket.descriptor, batch, 0);
process.stdout.write(`${vector.sent} sent\n`);
