/**
 * Run by balance-kernel.ts in a network namespace: sends small datagrams, and prints nanoseconds of CPU time per datagram for
 * each address, round by round, which other processes disturb less than the clock's. The datagrams are routed, translated and dropped within the system call that sends them.
 *
 *     node dist/bench/balance-sender.js FLOWS ROUNDS ADDRESS...
 */
import { NativeMemory } from '../src/foreign/index.js';
import { MessageVector } from '../src/live/socket/message-vector.js';
import { putSocketAddress } from '../src/live/socket/socket-address.js';
import { SocketType, SystemSocket } from '../src/live/socket/system-socket.js';
import { linux } from '../src/live/system/linux.js';
import { parseIpv4 } from '../src/wire/index.js';

/** A frame of 64 bytes without its Ethernet, IP and UDP headers. */
const PAYLOAD = 22;
/** Datagrams per system call, and calls per round: 10 to 20 ms. */
const MESSAGES = 64;
const CALLS = 128;
const FIRST_PORT = 20_000;
const NAME = 32;

const [flows = 1, rounds = 1, ...addresses] = process.argv.slice(2).map((word, i) => (i < 2 ? Number(word) : word));
const socket = new SystemSocket(4, SocketType.Datagram, 0, 'the sender');
const payload = new NativeMemory(PAYLOAD);

/** Messages to one address, each to the next flow's port. */
function messagesTo(address: string): { vector: MessageVector; names: NativeMemory } {
  const vector = new MessageVector(MESSAGES);
  const names = new NativeMemory(MESSAGES * NAME);
  for (let i = 0; i < MESSAGES; i++) {
    const port = FIRST_PORT + (i % Number(flows));
    const length = putSocketAddress(names.bytes, i * NAME, parseIpv4(address), port);
    vector.setPiece(i, payload.address, PAYLOAD);
    vector.setName(i, names.address + i * NAME, length);
  }
  return { vector, names };
}

const targets = addresses.map((address) => messagesTo(String(address)));
for (let round = 0; round < Number(rounds); round++) {
  const figures = targets.map(({ vector }) => {
    const begin = process.cpuUsage();
    let sent = 0;
    for (let call = 0; call < CALLS; call++) {
      sent += linux().sendmmsg(socket.descriptor, vector.addressOf(0), MESSAGES, 0);
    }
    const { user, system } = process.cpuUsage(begin);
    if (sent !== CALLS * MESSAGES) throw new Error(`only ${sent} of ${CALLS * MESSAGES} datagrams were sent`);
    return (1000 * (user + system)) / sent;
  });
  process.stdout.write(`${figures.join(' ')}\n`);
}
socket.close();
