import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { inspect } from 'node:util';
import { createCertificateRequest } from '../../../src/join/identity/certificate-request.js';
import { derElements } from '../../../src/join/identity/der.js';
import { NodeIdentity } from '../../../src/join/identity/node-identity.js';
import { FakeCa, keyOfRequest } from '../fake-ca.js';

const SUBJECT = { commonName: 'node1', role: 'swarm-worker', organization: 'cluster1' };

function issued(ca: FakeCa, subject: object = SUBJECT): NodeIdentity {
  const { pem, privateKey } = createCertificateRequest();
  const chainPem = ca.issue({ ...SUBJECT, ...subject, publicKey: keyOfRequest(pem) });
  return new NodeIdentity({ rootPem: ca.pem, chainPem, privateKey });
}

test('a certificate request has an empty subject and a valid signature', (t) => {
  const { pem } = createCertificateRequest();
  const der = Buffer.from(pem.toString().replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const [info, , signature] = derElements(derElements(der)?.[0].content ?? der) ?? [];
  const key = createPublicKey({ key: Buffer.from(keyOfRequest(pem)), format: 'der', type: 'spki' });
  assert.ok(verify('sha256', info.whole, key, signature.content.subarray(1)));
  assert.equal(derElements(info.content)?.[1].content.length, 0);
  let shown: string;
  try {
    shown = execFileSync('openssl', ['req', '-noout', '-verify', '-text'], {
      input: pem,
      encoding: 'utf8',
      stdio: 'pipe',
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    t.diagnostic('openssl is not installed');
    return;
  }
  assert.match(shown, /prime256v1/);
});

test('an identity knows its node, its swarm, and its issuer', () => {
  const ca = new FakeCa();
  const identity = issued(ca);
  assert.deepEqual([identity.nodeId, identity.clusterId], ['node1', 'cluster1']);
  assert.deepEqual(Buffer.from(identity.issuerKey), ca.publicKey);
  // SEQUENCE of SET of SEQUENCE: commonName, PrintableString "swarm-ca".
  assert.equal(
    Buffer.from(identity.issuerName).toString('hex'),
    '3013311130' + '0f06035504031308' + Buffer.from('swarm-ca').toString('hex'),
  );
});

test("a manager's certificate, and those that don't belong together, are refused", () => {
  const ca = new FakeCa();
  assert.throws(() => issued(ca, { role: 'swarm-manager' }), { code: 'PROMOTED' });
  assert.throws(() => issued(ca, { role: 'other' }), { code: 'BAD_ANSWER' });
  assert.throws(() => issued(ca, { organization: undefined }), { code: 'BAD_ANSWER' });
  const [one, two] = [createCertificateRequest(), createCertificateRequest()];
  const chainPem = ca.issue({ ...SUBJECT, publicKey: keyOfRequest(one.pem) });
  assert.throws(() => new NodeIdentity({ rootPem: ca.pem, chainPem, privateKey: two.privateKey }), {
    code: 'BAD_ANSWER',
  });
  const foreign = { rootPem: new FakeCa().pem, chainPem, privateKey: one.privateKey };
  assert.throws(() => new NodeIdentity(foreign), { code: 'BAD_ANSWER' });
  const noRoot = { rootPem: chainPem, chainPem, privateKey: one.privateKey };
  assert.throws(() => new NodeIdentity(noRoot), { code: 'BAD_ANSWER' });
  for (const rootPem of [
    '',
    'x',
    ca.pem.repeat(17),
    `${ca.pem}${'-'.repeat(70_000)}`,
    ca.pem.replace(/\n.{20}/, '\nAAAA'),
  ]) {
    assert.throws(() => new NodeIdentity({ rootPem, chainPem, privateKey: one.privateKey }), { code: 'BAD_ANSWER' });
  }
});

test('a cross-signed intermediate leads to the old root and the new one', () => {
  const [old, next] = [new FakeCa(), new FakeCa()];
  const { pem, privateKey } = createCertificateRequest();
  const chainPem = next.issue({ ...SUBJECT, publicKey: keyOfRequest(pem) }) + next.crossSignedBy(old);
  const identity = new NodeIdentity({ rootPem: old.pem, chainPem, privateKey });
  assert.deepEqual(Buffer.from(identity.issuerKey), next.publicKey);
  assert.equal(identity.withRoot(next.pem).rootPem, next.pem);
  assert.throws(() => identity.withRoot(new FakeCa().pem), { code: 'BAD_ANSWER' });
});

test('an identity never reveals its key', () => {
  const identity = issued(new FakeCa());
  const secret = identity.useKey((pem) => pem.split('\n')[1]);
  const shown = inspect(identity, { showHidden: true, depth: 9 }) + JSON.stringify(identity);
  assert.ok(!shown.includes(secret));
});
