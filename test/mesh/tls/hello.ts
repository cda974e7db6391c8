/** First messages of real TLS clients. */
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { connect, type ConnectionOptions } from 'node:tls';

/** What Node's client sends first. */
export async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  const wire = new Duplex({
    read() {
      // Nothing ever answers.
    },
    write(chunk: Buffer, _encoding, done) {
      this.emit('hello', chunk);
      done();
    },
  });
  const said = once(wire, 'hello') as Promise<[Buffer]>;
  const client = connect({ socket: wire, ...options });
  client.on('error', () => undefined);
  const [bytes] = await said;
  client.destroy();
  wire.destroy();
  return bytes;
}

/** The message of a record in records of so many bytes. */
export function inRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const piece = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, piece.length >> 8, piece.length & 255]), piece);
  }
  return Buffer.concat(records);
}
