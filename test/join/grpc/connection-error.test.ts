import assert from 'node:assert/strict';
import test from 'node:test';
import { connectionError } from '../../../src/join/grpc/connection-error.js';
import { grpcErrorOf } from '../../../src/join/grpc/status.js';

const ADDRESS = '10.0.0.1:2377';

test('each cause has a code, and the address with its port in its text', () => {
  const codes: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'CONNECTION_REFUSED',
    ETIMEDOUT: 'CONNECTION_TIMEOUT',
    EHOSTUNREACH: 'CONNECTION_FAILED',
    ENOTFOUND: 'CONNECTION_FAILED',
    ECONNRESET: 'CONNECTION_FAILED',
    CERT_NOT_YET_VALID: 'CLOCK_SKEW',
    CERT_HAS_EXPIRED: 'CLOCK_SKEW',
    ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'CLOCK_SKEW',
    ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'FOREIGN_CERTIFICATE',
    ERR_TLS_CERT_ALTNAME_INVALID: 'FOREIGN_CERTIFICATE',
    ERR_SSL_WRONG_VERSION_NUMBER: 'BAD_ANSWER',
    ERR_HTTP2_ERROR: 'BAD_ANSWER',
  };
  for (const [code, expected] of Object.entries(codes)) {
    const error = connectionError(ADDRESS, Object.assign(new Error('failed'), { code }));
    assert.equal(error.code, expected, code);
    assert.ok(error.message.startsWith(`${ADDRESS}: `), error.message);
  }
});

test('statuses of calls become errors, and what the manager said is shown in one line', () => {
  assert.equal(grpcErrorOf(ADDRESS, { 'grpc-status': '0' }), undefined);
  assert.equal(grpcErrorOf(ADDRESS, {}), undefined);
  const removed = grpcErrorOf(ADDRESS, { 'grpc-status': '7', 'grpc-message': 'node x was removed from swarm' });
  assert.equal(removed?.code, 'REMOVED_FROM_SWARM');
  assert.equal(grpcErrorOf(ADDRESS, { 'grpc-status': '14' })?.code, 'MANAGER_UNAVAILABLE');
  const odd = grpcErrorOf(ADDRESS, {
    'grpc-status': 'x',
    'grpc-message': `%E0%A4%A bad%0A${'long'.repeat(100)}\u001b[2J`,
  });
  assert.equal(odd?.code, 'MANAGER_UNAVAILABLE');
  assert.ok(odd.message.length < 300);
  // eslint-disable-next-line no-control-regex -- none may be in it
  assert.doesNotMatch(odd.message, /[\u0000-\u001f]/);
});
