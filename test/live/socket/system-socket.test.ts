import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { SocketOption, SocketType, SystemSocket } from '../../../src/live/socket/system-socket.js';
import { closeDescriptor } from '../../../src/live/system/linux.js';
import { HERE, LOOPBACK6, portOf, withoutSockets } from '../loopback.js';
import { refused } from '../refused.js';

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Why a test that an unprivileged process can't bind port 53 is skipped, or undefined. */
function withoutPrivilegedPorts(): string | undefined {
  const first = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  return first > 53 ? undefined : `here, all may bind ports from ${first} on`;
}

describe('a system socket', { skip: withoutSockets() }, () => {
  test('is closed only once', () => {
    const before = descriptors();
    const socket = new SystemSocket(4, SocketType.Datagram, 0, 'a test');
    assert.equal(descriptors(), before + 1);
    socket.close();
    const other = new SystemSocket(4, SocketType.Datagram, 0, 'another');
    assert.equal(other.descriptor, socket.descriptor);
    socket.close();
    assert.equal(other.set(SocketOption.ReceiveTos, 1), true);
    other.close();
    assert.equal(descriptors(), before);
  });

  test('names the capability that a port below 1024 needs', { skip: withoutPrivilegedPorts() }, () => {
    const module = new URL('../../../src/live/socket/system-socket.js', import.meta.url).href;
    // Loaded first: the user may not read the files.
    const code = `
      import { SocketType, SystemSocket } from ${JSON.stringify(module)};
      const warm = new SystemSocket(4, SocketType.Datagram, 0, 'UDP port 53');
      warm.bind(Uint8Array.of(127, 0, 0, 1), 0, '127.0.0.1');
      const socket = new SystemSocket(4, SocketType.Datagram, 0, 'UDP port 53');
      if (process.getuid() === 0) process.setuid(65534);
      try {
        socket.bind(Uint8Array.of(127, 0, 0, 11), 53, '127.0.0.11');
      } catch (error) {
        console.log(error.code, error.message);
      }`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
      encoding: 'utf8',
    });
    const text = "can't bind UDP port 53 to 127.0.0.11 (EACCES): run as root, or with CAP_NET_BIND_SERVICE";
    assert.deepEqual([stdout, stderr], [`NOT_PERMITTED ${text}\n`, '']);
  });

  test('reports a port in use, or an address that is not local', () => {
    const one = new SystemSocket(4, SocketType.Datagram, 0, 'UDP port of a test');
    const two = new SystemSocket(4, SocketType.Datagram, 0, 'UDP port of a test');
    try {
      one.bind(HERE, portOf(0), '127.0.0.2');
      const text = /^can't bind UDP port of a test to 127\.0\.0\.2 \(EADDRINUSE\)$/;
      refused(() => two.bind(HERE, portOf(0), '127.0.0.2'), 'PORT_IN_USE', text);
      refused(() => two.bind(Uint8Array.of(192, 0, 2, 1), 0, '192.0.2.1'), 'NOT_THERE', /192\.0\.2\.1/);
    } finally {
      one.close();
      two.close();
    }
  });

  test('binds to IPv6 and accepts its options', () => {
    const socket = new SystemSocket(6, SocketType.Datagram, 0, 'a test');
    try {
      assert.equal(socket.set(SocketOption.Ipv6Only, 1), true);
      assert.equal(socket.set(SocketOption.ReceiveTrafficClass, 1), true);
      socket.bind(LOOPBACK6, portOf(1), '::1');
    } finally {
      socket.close();
    }
  });

  test('reports that an unsupported option was refused', () => {
    const socket = new SystemSocket(4, SocketType.Datagram, 0, 'a test');
    assert.equal(socket.set(SocketOption.IcmpFilter, 1), false);
    assert.equal(socket.setBytes(SocketOption.Icmpv6Filter, new Uint8Array(32)), false);
    socket.close();
  });

  test('gives an error with its purpose for an unknown protocol', () => {
    refused(() => new SystemSocket(4, SocketType.Datagram, 250, 'nothing'), 'SYSTEM_CALL', /a socket for nothing \(E/);
  });

  test('has no overruns before a packet arrives', () => {
    const socket = new SystemSocket(4, SocketType.Datagram, 0, 'a test');
    socket.setBuffers(1 << 20);
    assert.equal(socket.overrun, 0);
    socket.close();
    assert.equal(socket.overrun, 0);
  });

  test('listens for streams, connects to a listener, and gives its descriptor away', () => {
    const listener = new SystemSocket(4, SocketType.Stream, 0, 'TCP port of a test');
    const other = new SystemSocket(4, SocketType.Stream, 0, 'TCP port of a test');
    const client = new SystemSocket(4, SocketType.Stream, 0, 'a client');
    assert.equal(listener.set(SocketOption.ReuseAddress, 1), true);
    listener.bind(HERE, portOf(2), '127.0.0.2');
    listener.listen(1);
    assert.equal(client.connect(HERE, portOf(2)), true);
    refused(() => other.bind(HERE, portOf(2), '127.0.0.2'), 'PORT_IN_USE');
    client.close();
    other.close();
    const descriptor = listener.release();
    listener.close();
    const before = descriptors();
    closeDescriptor(descriptor);
    assert.equal(descriptors(), before - 1);
  });

  test('a datagram socket does not connect to the broadcast address', () => {
    const socket = new SystemSocket(4, SocketType.Datagram, 0, 'a test');
    assert.equal(socket.connect(Uint8Array.of(255, 255, 255, 255), 53), false);
    assert.equal(socket.connect(HERE, 53), true);
    socket.close();
  });
});
