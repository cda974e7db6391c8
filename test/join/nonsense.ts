/** What a manager may send that is no answer, and what it may do instead of answering. */
import { grpcFrame } from '../../src/join/grpc/frame-reader.js';
import { answer, begin, endWith, type Handler, refuse } from './fake-answers.js';

/** By what it is. */
export const NONSENSE: Readonly<Record<string, Handler>> = {
  'random bytes': (stream) => answer(stream, Buffer.from('ffffffffffffffffffffffff', 'hex')),
  'an empty message': (stream) => answer(stream, new Uint8Array(0)),
  'no message': (stream) => {
    begin(stream);
    stream.end();
  },
  'two messages': (stream) => {
    begin(stream);
    stream.write(grpcFrame(new Uint8Array(0)));
    stream.end(grpcFrame(new Uint8Array(0)));
  },
  'a compressed message': (stream) => {
    begin(stream);
    stream.end(Buffer.from('0100000000', 'hex'));
  },
  'an announced message of 4 GiB': (stream) => {
    begin(stream);
    stream.write(Buffer.from('00ffffffff', 'hex'));
  },
  'half a message': (stream) => {
    begin(stream);
    stream.end(Buffer.from('000000001000', 'hex'));
  },
  'half a message, and silence': (stream) => {
    begin(stream);
    stream.write(Buffer.from('000000001000', 'hex'));
  },
  'headers, and silence': (stream) => begin(stream),
  'an HTTP error': (stream) => stream.respond({ ':status': 503 }, { endStream: true }),
  'an unknown method': (stream) => refuse(stream, 12, 'unknown service'),
  'an error without sense': (stream) => refuse(stream, 4711, '\u001b[2J\u0000'),
  'an end with an error': (stream) => {
    begin(stream);
    endWith(stream, 13, 'internal');
  },
  // Not within a callback, where Node's sessions don't survive it.
  'a reset': (stream) => void setImmediate(() => stream.close(2)),
  'a destroyed connection': (stream) => void setImmediate(() => stream.session?.destroy()),
  silence: () => undefined,
  'a flood': (stream) => {
    begin(stream);
    const flood = (): void => {
      if (!stream.destroyed) stream.write(Buffer.alloc(1 << 16, 0xff), () => setImmediate(flood));
    };
    flood();
  },
};

/** Tries all kinds of nonsense at once: most of the time is waiting for what never comes. */
export async function eachNonsense(act: (what: string, handler: Handler) => Promise<void>): Promise<void> {
  await Promise.all(Object.entries(NONSENSE).map(([what, handler]) => act(what, handler)));
}
