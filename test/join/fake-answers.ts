/** What managers answer, as gRPC over HTTP/2. */
import type { ServerHttp2Stream } from 'node:http2';
import { grpcFrame } from '../../src/join/grpc/frame-reader.js';

/** Sends a message on a stream, as is. */
export function send(stream: ServerHttp2Stream, message: Uint8Array): void {
  if (!stream.destroyed) stream.write(grpcFrame(message));
}

export type Handler = (stream: ServerHttp2Stream, request: Uint8Array, peer: string | undefined) => void;

/** Answers with headers that a stream of messages follows. */
export function begin(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
}

/** Answers with one message. */
export function answer(stream: ServerHttp2Stream, message: Uint8Array): void {
  begin(stream);
  stream.end(grpcFrame(message));
}

/** Answers with an error. */
export function refuse(stream: ServerHttp2Stream, status: number, message: string): void {
  stream.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': String(status),
      'grpc-message': encodeURIComponent(message),
    },
    { endStream: true },
  );
}

/** Ends a stream with an error. */
export function endWith(stream: ServerHttp2Stream, status: number, message: string): void {
  stream.removeAllListeners('wantTrailers');
  stream.on('wantTrailers', () =>
    stream.sendTrailers({ 'grpc-status': String(status), 'grpc-message': encodeURIComponent(message) }),
  );
  stream.end();
}
