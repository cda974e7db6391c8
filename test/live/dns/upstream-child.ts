/** An upstream DNS server for a namespace: it answers every A query with one address, and prints who asked. */
import { createSocket } from 'node:dgram';
import { answerTo, recordOf, words } from '../../service/dns/messages.js';

const [address = '127.0.0.1', answer = '203.0.113.7'] = process.argv.slice(2);
const socket = createSocket('udp4');
socket.on('message', (query, from) => {
  // Without the OPT record that dig adds.
  const end = query.indexOf(0, 12) + 5;
  const plain = Buffer.concat([query.subarray(0, 10), words(0), query.subarray(12, end)]);
  const rdata = Buffer.from(answer.split('.').map(Number));
  socket.send(answerTo(plain, 0x8180, [recordOf(words(0xc00c), 1, rdata)]), from.port, from.address);
  process.stdout.write(`asked by ${from.address}\n`);
});
socket.bind(53, address, () => process.stdout.write('ready\n'));
