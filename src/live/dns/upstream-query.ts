/** A query to one upstream server, with a socket of its own, and so with a source port of its own. */
import { lastErrno, NativeMemory } from '../../foreign/index.js';
import { parseIp } from '../../overlay/index.js';
import { DnsTransport, TCP_PREFIX_LEN, tcpFrame, TcpMessages, type UpstreamRequest } from '../../service/index.js';
import { SocketType, SystemSocket } from '../socket/system-socket.js';
import { Errno, linux } from '../system/linux.js';
import { Interest, type Readiness } from '../system/readiness.js';

const MAX_MESSAGE = 65_535;
/** Length of a DNS header, and its bit that tells answers from queries. */
const HEADER_BYTES = 12;
const RESPONSE = 0x80;
/** Datagrams or pieces of a stream read per turn. */
const READS = 16;

/** Buffer for all queries and answers: each call is over before the next one begins. */
const buffer = { memory: undefined as NativeMemory | undefined };

function sharedBuffer(): NativeMemory {
  return (buffer.memory ??= new NativeMemory(TCP_PREFIX_LEN + MAX_MESSAGE));
}

/** Asks the server of a request. */
export class UpstreamQuery {
  readonly #readiness: Readiness;
  readonly #request: UpstreamRequest;
  readonly #done: (message: Uint8Array | undefined) => void;
  readonly #isTcp: boolean;
  readonly #messages = new TcpMessages();
  #timer: NodeJS.Timeout | undefined;
  #socket: SystemSocket | undefined;
  /** What is still to be sent. */
  #unsent: Uint8Array;
  #over = false;

  /**
   * @param within calls a function in the namespace that the query leaves from
   * @param done called once, and not before the constructor has returned: with the server's answer, undefined if it
   * can't be reached or doesn't answer in time
   */
  constructor(
    readiness: Readiness,
    request: UpstreamRequest,
    within: <T>(run: () => T) => T,
    done: (message: Uint8Array | undefined) => void,
  ) {
    this.#readiness = readiness;
    this.#request = request;
    this.#done = done;
    this.#isTcp = request.transport === DnsTransport.Tcp;
    this.#unsent = this.#isTcp ? tcpFrame(request.query) : request.query;
    if (this.#openWithin(within)) this.#setTimer();
    else setImmediate(() => this.#settle(undefined));
  }

  /** Gives the query up; `done` isn't called. */
  cancel(): void {
    this.#over = true;
    this.#release();
  }

  #openWithin(within: <T>(run: () => T) => T): boolean {
    try {
      return within(() => this.#open());
    } catch {
      // Not an address, or no descriptor is free: the next server is asked.
      return false;
    }
  }

  #open(): boolean {
    const { address, port } = this.#request;
    const bytes = parseIp(address);
    const type = this.#isTcp ? SocketType.Stream : SocketType.Datagram;
    const socket = new SystemSocket(bytes.length === 4 ? 4 : 6, type, 0, 'an upstream DNS server');
    this.#socket = socket;
    if (!socket.connect(bytes, port)) return false;
    this.#readiness.add(socket.descriptor, this.#isTcp ? Interest.Writable : Interest.Readable, () => this.#ready());
    return this.#isTcp || this.#write();
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settle(undefined), 1000 * this.#request.timeout);
  }

  #ready(): void {
    if (this.#unsent.length === 0) {
      this.#read();
      return;
    }
    const isFirst = this.#unsent.length === TCP_PREFIX_LEN + this.#request.query.length;
    if (!this.#write()) {
      this.#settle(undefined);
      return;
    }
    // The connection is there; the answer has as much time again.
    if (isFirst) this.#setTimer();
    if (this.#unsent.length === 0 && this.#socket !== undefined) {
      this.#readiness.change(this.#socket.descriptor, Interest.Readable);
    }
  }

  /** Sends what the system takes. @returns false if the connection has failed */
  #write(): boolean {
    const memory = sharedBuffer();
    const bytes = this.#unsent;
    memory.bytes.set(bytes);
    const count = linux().write(this.#socket?.descriptor ?? -1, memory.address, bytes.length);
    if (count < 0) return lastErrno() === Errno.Again && this.#isTcp;
    this.#unsent = bytes.subarray(count);
    return true;
  }

  #read(): void {
    const memory = sharedBuffer();
    for (let i = 0; i < READS && this.#socket !== undefined; i++) {
      const count = linux().read(this.#socket.descriptor, memory.address, memory.bytes.length);
      if (count < 0) {
        const errno = lastErrno();
        if (errno !== Errno.Again && errno !== Errno.Interrupted) this.#settle(undefined);
        return;
      }
      const bytes = memory.bytes.subarray(0, count);
      if (!this.#isTcp) {
        this.#take(bytes);
      } else if (count === 0) {
        this.#settle(undefined);
      } else {
        this.#messages.push(bytes, (message) => this.#take(message));
      }
    }
  }

  /** Takes the answer. Anything else, such as a late answer to another query, is ignored. */
  #take(message: Uint8Array): void {
    const { query } = this.#request;
    if (message.length < HEADER_BYTES || (message[2] & RESPONSE) === 0) return;
    if (message[0] === query[0] && message[1] === query[1]) this.#settle(new Uint8Array(message));
  }

  #settle(message: Uint8Array | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#release();
    this.#done(message);
  }

  #release(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    this.#readiness.remove(socket.descriptor);
    socket.close();
  }
}
