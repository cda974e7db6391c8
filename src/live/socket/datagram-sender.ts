/**
 * Sends VXLAN packets as UDP datagrams whose outer headers the kernel writes. Consecutive packets of one size to the
 * same node become one message, which passes the network stack once and is segmented at the end of it (UDP_SEGMENT).
 * So do the segments of a frame that is yet to be segmented: new headers for each, and the payload where it is.
 */
import { addressOf, NativeMemory } from '../../foreign/index.js';
import { type PortRange, sourcePortOf } from '../../dataplane/index.js';
import { Segmenter } from '../../fragment/index.js';
import type { PacketBatch } from '../../memory/index.js';
import { viewOf } from '../../memory/internal.js';
import { VXLAN_HEADER_LEN } from '../../wire/index.js';
import { NodeAddresses } from './node-addresses.js';
import { PieceVector } from './piece-vector.js';
import { SegmentVector } from './segment-vector.js';
import type { Transmission } from './transmission.js';

/** Most datagrams of a message that all kernels take (UDP_MAX_SEGMENTS, include/linux/udp.h), and its most bytes. */
const MAX_SEGMENTS = 64;
const MAX_BYTES = 65_507;
/** Most messages of a system call. */
const MESSAGES = 256;
/** Room for the buffers of a call: of `MESSAGES` packets, and of frames with many segments. */
const PIECES = 2048;
/** Room for headers of segments. Those of one segment always fit: a frame is no longer than this. */
const HEADERS = 128 * 1024;

/** Packets sent one by one to a node after the system failed to segment a message for it: its route may change. */
const SINGLE_PACKETS = 4096;

/** Sends to the nodes of a topology, from several source ports. */
export class DatagramSender {
  readonly #sockets: readonly number[];
  readonly #transmission: Transmission;
  readonly #segments: boolean;
  readonly #names = new NodeAddresses();
  /** By node: number of next packets to send one by one. */
  #single = new Uint16Array(0);
  readonly #pieces = new PieceVector(PIECES);
  readonly #vector: SegmentVector;
  readonly #singles: SegmentVector;
  readonly #headers = new NativeMemory(HEADERS);
  #headerBytes = 0;
  readonly #segmenter = new Segmenter();
  #arena: Uint8Array = new Uint8Array(0);
  #base = 0;
  /** The batch's packets in order of their sockets, and where those of each socket end. */
  #order = new Int32Array(0);
  readonly #ends: Int32Array;
  /** Indices of sockets, as flows have them instead of ports. */
  readonly #range: PortRange;
  #socket = 0;

  // The message being composed, which is added to the vector once complete.
  #packets = 0;
  #firstPiece = 0;
  #size = 0;
  #last = 0;
  #total = 0;
  #node = -1;
  #tos = 0;
  /** Buffers per datagram: 1, or 2 for headers and payload. */
  #perPacket = 1;
  /** By message: buffers per datagram, node and traffic class. */
  readonly #perPacketOf = new Uint8Array(MESSAGES);
  readonly #nodeOf = new Int32Array(MESSAGES);
  readonly #tosOf = new Uint8Array(MESSAGES);

  /**
   * @param sockets descriptors of UDP sockets, one per source port
   * @param family IP version
   * @param transmission passes messages on, and counts their packets
   * @param segments whether the system supports UDP_SEGMENT; otherwise each packet is a message
   */
  constructor(sockets: readonly number[], family: 4 | 6, transmission: Transmission, segments: boolean) {
    this.#sockets = sockets;
    this.#transmission = transmission;
    this.#segments = segments;
    this.#vector = new SegmentVector(family, MESSAGES, this.#pieces);
    this.#singles = new SegmentVector(family, MAX_SEGMENTS, this.#pieces);
    this.#ends = new Int32Array(sockets.length);
    this.#range = { lowest: 0, highest: sockets.length };
  }

  /**
   * Sets the nodes' addresses.
   * @param addresses by node, 4 or 16 bytes each; packets to a node without one are refused
   * @param port VXLAN port, host order
   */
  setAddresses(addresses: readonly (Uint8Array | undefined)[], port: number): void {
    this.#names.set(addresses, port);
    this.#single = new Uint16Array(addresses.length);
  }

  /**
   * Sends the packets of a batch, each to its `node`, with its `tos`, and from a socket by its `flow`.
   * @param batch UDP payloads, from the VXLAN header on
   */
  send(batch: PacketBatch): void {
    const { arena } = batch;
    if (this.#arena !== arena.bytes) {
      this.#arena = arena.bytes;
      this.#base = addressOf(arena.bytes);
    }
    this.#sort(batch);
    const { start, end, node, tos, segment } = batch;
    const order = this.#order;
    this.#transmission.begin();
    let k = 0;
    for (let socket = 0; socket < this.#sockets.length; socket++) {
      const stop = this.#ends[socket];
      if (k === stop) continue;
      this.#socket = this.#sockets[socket];
      for (; k < stop; k++) {
        const i = order[k];
        if (segment[i] === 0 || !this.#addFrame(start[i], end[i], node[i], tos[i], segment[i])) {
          this.#addPacket(start[i], end[i] - start[i], node[i], tos[i]);
        }
      }
      this.#transmit();
    }
  }

  /** Sorts a batch by its packets' sockets, keeping the order of each socket's. */
  #sort({ flow, count }: PacketBatch): void {
    const ends = this.#ends;
    const range = this.#range;
    if (this.#order.length < count) this.#order = new Int32Array(count);
    const order = this.#order;
    ends.fill(0);
    for (let i = 0; i < count; i++) ends[sourcePortOf(flow[i], range)]++;
    for (let socket = 0, from = 0; socket < ends.length; socket++) {
      const packets = ends[socket];
      ends[socket] = from;
      from += packets;
    }
    for (let i = 0; i < count; i++) order[ends[sourcePortOf(flow[i], range)]++] = i;
  }

  #addPacket(start: number, size: number, node: number, tos: number): void {
    if (!this.#joins(size, node, tos, 1)) this.#begin(size, node, tos, 1);
    this.#pieces.set(this.#firstPiece + this.#packets, this.#base + start, size);
    this.#append(size);
  }

  /** Adds the segments of a frame. Returns false if it isn't one that can be segmented. */
  #addFrame(start: number, end: number, node: number, tos: number, payload: number): boolean {
    const segmenter = this.#segmenter;
    const bytes = this.#arena;
    if (!segmenter.begin(bytes, start + VXLAN_HEADER_LEN, end, payload)) return false;
    const headerBytes = VXLAN_HEADER_LEN + segmenter.headerBytes;
    // The VXLAN header comes with the network headers, so that each segment has two buffers.
    const view = viewOf(bytes);
    const flags = view.getInt32(start);
    const vni = view.getInt32(start + 4);
    const headers = this.#headers;
    const to = viewOf(headers.bytes);
    while (segmenter.pending) {
      if (this.#headerBytes + headerBytes > HEADERS) this.#transmit();
      const size = segmenter.nextFrameBytes + VXLAN_HEADER_LEN;
      if (!this.#joins(size, node, tos, 2)) this.#begin(size, node, tos, 2);
      const at = this.#headerBytes;
      this.#headerBytes += (headerBytes + 3) & ~3;
      to.setInt32(at, flags);
      to.setInt32(at + 4, vni);
      segmenter.nextHeaders(headers.bytes, at + VXLAN_HEADER_LEN);
      const piece = this.#firstPiece + 2 * this.#packets;
      const length = segmenter.payloadEnd - segmenter.payloadStart;
      this.#pieces.set(piece, headers.address + at, headerBytes);
      this.#pieces.set(piece + 1, this.#base + segmenter.payloadStart, length);
      this.#append(size);
    }
    return true;
  }

  /** Whether a packet can be part of the message being composed. */
  #joins(size: number, node: number, tos: number, perPacket: number): boolean {
    return (
      this.#packets > 0 &&
      this.#packets < MAX_SEGMENTS &&
      this.#node === node &&
      this.#tos === tos &&
      this.#perPacket === perPacket &&
      // Only the last one may be shorter.
      this.#last === this.#size &&
      size <= this.#size &&
      size > 0 &&
      this.#total + size <= MAX_BYTES &&
      this.#segments &&
      this.#single[node] === 0 &&
      this.#firstPiece + (this.#packets + 1) * perPacket <= PIECES
    );
  }

  #begin(size: number, node: number, tos: number, perPacket: number): void {
    this.#complete();
    if (this.#single[node] > 0) this.#single[node]--;
    const vector = this.#vector;
    if (vector.full || vector.pieceCount + perPacket > PIECES) this.#transmit();
    this.#firstPiece = vector.pieceCount;
    this.#size = size;
    this.#node = node;
    this.#tos = tos;
    this.#perPacket = perPacket;
    this.#total = 0;
  }

  #append(size: number): void {
    this.#packets++;
    this.#last = size;
    this.#total += size;
  }

  /** Adds the composed message, if any, to the vector. */
  #complete(): void {
    const packets = this.#packets;
    if (packets === 0) return;
    const vector = this.#vector;
    const names = this.#names;
    const node = this.#node;
    const i = vector.count;
    this.#perPacketOf[i] = this.#perPacket;
    this.#nodeOf[i] = node;
    this.#tosOf[i] = this.#tos;
    const pieces = packets * this.#perPacket;
    vector.add(packets, this.#size, this.#firstPiece, pieces, names.addressOf(node), names.lengthOf(node), this.#tos);
    vector.pieceCount += pieces;
    this.#packets = 0;
  }

  /** Sends all messages so far. */
  #transmit(): void {
    this.#complete();
    const vector = this.#vector;
    for (let from = 0; from < vector.count; from++) {
      from = this.#transmission.send(this.#socket, vector, from, vector.count, vector.packets);
      if (from < vector.count) this.#sendOneByOne(from);
    }
    vector.clear();
    this.#headerBytes = 0;
  }

  /** Sends the packets of a message that the system didn't segment, and spares it the next messages for that node. */
  #sendOneByOne(i: number): void {
    const vector = this.#vector;
    const singles = this.#singles;
    const names = this.#names;
    const node = this.#nodeOf[i];
    this.#single[node] = SINGLE_PACKETS;
    const pieces = this.#perPacketOf[i];
    const first = vector.firstPiece[i];
    singles.clear();
    for (let packet = 0; packet < vector.packets[i]; packet++) {
      singles.add(1, 0, first + packet * pieces, pieces, names.addressOf(node), names.lengthOf(node), this.#tosOf[i]);
    }
    this.#transmission.send(this.#socket, singles, 0, singles.count);
  }
}
