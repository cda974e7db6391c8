/** Findings about the traffic inside networks. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Certainty, Severity } from '../../../../src/doctor/finding.js';
import { dnsTimeouts } from '../../../../src/doctor/findings/traffic/dns-timeouts.js';
import { duplicateAddress } from '../../../../src/doctor/findings/traffic/duplicate-address.js';
import { endpointMoved } from '../../../../src/doctor/findings/traffic/endpoint-moved.js';
import { idleConnectionCut } from '../../../../src/doctor/findings/traffic/idle-connection-cut.js';
import { oneSidedTraffic } from '../../../../src/doctor/findings/traffic/one-sided-traffic.js';
import { retransmissionStorm } from '../../../../src/doctor/findings/traffic/retransmission-storm.js';
import { vipAsDestination } from '../../../../src/doctor/findings/traffic/vip-as-destination.js';
import { udpIp } from '../../../dataplane/build.js';
import {
  A,
  B,
  back,
  captured,
  diagnosed,
  diagnosedIn,
  echo,
  evidenceOf,
  every,
  found,
  inner,
  macOf,
  node,
  ONE,
  packetsOf,
  sealed,
  tcp,
  there,
  type Timed,
  tunnelled,
  TWO,
  VNI,
} from '../../capture/packets.js';
import { networkView } from '../../capture/views.js';

const THREE = '192.168.50.3';
const OTHER_MAC = '02:42:0a:00:09:63';

/** A's frames from a VTEP, with a MAC address. */
function home(vtep: string, mac = macOf(A)): Uint8Array {
  return tunnelled(inner(echo(), A, B, mac), { from: vtep });
}

describe('duplicate-address', () => {
  test('one IP address with two MAC addresses in turns', async () => {
    const packets = [home(ONE), home(THREE, OTHER_MAC), home(ONE), home(THREE, OTHER_MAC)];
    const diagnoses = await diagnosedIn(duplicateAddress, every(1, packets));
    assert.equal(diagnoses.length, 1);
    assert.equal(diagnoses[0].severity, Severity.Error);
    assert.match(diagnoses[0].summary, /^Two endpoints have the address 10\.0\.9\.3 in VNI 4097/);
    assert.deepEqual(diagnoses[0].subject, { vni: VNI, endpoints: [A], nodes: [ONE, THREE] });
  });

  test('one MAC address on two nodes in turns', async () => {
    const [diagnosis] = await diagnosedIn(duplicateAddress, every(1, [home(ONE), home(THREE), home(ONE), home(THREE)]));
    assert.match(diagnosis.summary, /^The MAC address 02:42:0a:00:09:03 .* at the same time/);
    assert.ok(packetsOf(diagnosis).includes(2));
  });

  test('an endpoint that moves once, or stays: nothing', async () => {
    assert.deepEqual(
      await diagnosedIn(duplicateAddress, every(1, [home(ONE), home(ONE), home(THREE), home(THREE)])),
      [],
    );
    assert.deepEqual(await diagnosedIn(duplicateAddress, every(1, [home(ONE), home(ONE), back(echo(B, A))])), []);
  });

  test('a gateway that several nodes have, and what it forwards: nothing', async () => {
    const forwarded = (address: string, vtep: string): Uint8Array =>
      tunnelled(inner(echo(address, B), address, B, OTHER_MAC), { from: vtep });
    const turns = ['10.0.8.1', '10.0.8.2', '10.0.8.3'].flatMap((address) => [
      forwarded(address, ONE),
      forwarded(address, THREE),
    ]);
    assert.deepEqual(await diagnosedIn(duplicateAddress, every(1, [...turns, ...turns, ...turns])), []);
    assert.deepEqual(await diagnosedIn(endpointMoved, every(1, [...turns, ...turns, ...turns])), []);
  });

  test('an endpoint that moves and comes back: nothing', async () => {
    const packets = [home(ONE), home(ONE), home(THREE), home(THREE), home(ONE), home(ONE)];
    assert.deepEqual(await diagnosedIn(duplicateAddress, every(1, packets)), []);
  });

  test('backends that answer as a virtual IP, in a network with direct server return: nothing', async () => {
    const packets = [home(ONE), home(THREE, OTHER_MAC), home(ONE), home(THREE, OTHER_MAC)];
    const capture = await captured(every(1, packets));
    const tasks = [{ name: 'web.1', service: 'web', vip: A, ip: B, host: ONE }];
    const count = (options: Readonly<Record<string, string>>): number =>
      found(duplicateAddress, evidenceOf([capture], node({ networks: [networkView({ tasks, options })] }))).length;
    assert.deepEqual([count({}), count({ dsr: '' })], [1, 0]);
  });

  test('the same address in two networks is no duplicate', async () => {
    const other = tunnelled(inner(echo(), A, B, OTHER_MAC), { from: THREE, vni: 9 });
    assert.deepEqual(await diagnosedIn(duplicateAddress, every(1, [home(ONE), other, home(ONE), other])), []);
  });
});

describe('endpoint-moved', () => {
  const answer = (to: string): Uint8Array => tunnelled(inner(echo(B, A), B, A), { from: TWO, to });

  test('a move that all follow: a note', async () => {
    const packets = [home(ONE), answer(ONE), home(THREE), answer(THREE), answer(THREE)];
    const [diagnosis, ...rest] = await diagnosedIn(endpointMoved, every(4, packets));
    assert.equal(rest.length, 0);
    assert.equal(diagnosis.severity, Severity.Note);
    assert.match(diagnosis.summary, /moved from 192\.168\.50\.1 to 192\.168\.50\.3/);
  });

  test('a node that still sends to the old place: an error at that node', async () => {
    const packets = [home(ONE), answer(ONE), home(THREE), answer(ONE), answer(ONE), answer(ONE)];
    const [diagnosis] = await diagnosedIn(endpointMoved, every(4, packets));
    assert.equal(diagnosis.severity, Severity.Error);
    assert.deepEqual(diagnosis.subject.nodes, [TWO, ONE, THREE]);
  });

  test('no move, or a duplicate, is none', async () => {
    assert.deepEqual(await diagnosedIn(endpointMoved, every(1, [home(ONE), answer(ONE), home(ONE)])), []);
    assert.deepEqual(await diagnosedIn(endpointMoved, every(1, [home(ONE), home(THREE), home(ONE), home(THREE)])), []);
  });
});

describe('vip-as-destination', () => {
  test('a frame to the virtual IP of a service', async () => {
    const vip = '10.0.9.2';
    const capture = await captured(every(1, [tunnelled(inner(tcp({ to: vip, flags: 'S' }), A, vip)), there(echo())]));
    const service = {
      place: { file: 'services.json', line: 4 },
      id: 'x',
      name: 'web',
      endpointMode: 'vip' as const,
      vips: [{ network: 'n', address: `${vip}/24` }],
      ports: [],
    };
    const [diagnosis, ...rest] = vipAsDestination.find(evidenceOf([capture], node({ services: [service] })));
    assert.equal(rest.length, 0);
    assert.equal(diagnosis.severity, Severity.Error);
    assert.deepEqual(packetsOf(diagnosis), [1]);
    assert.match(diagnosis.summary, /the virtual IP of web, over VNI 4097/);
    const tasks = [{ name: 'web.1', service: 'web', vip, ip: B, host: TWO }];
    assert.equal(
      [...vipAsDestination.find(evidenceOf([capture], node({ networks: [networkView({ tasks })] })))].length,
      1,
    );
    const direct = networkView({ tasks, options: { dsr: '' } });
    assert.deepEqual(found(vipAsDestination, evidenceOf([capture], node({ networks: [direct] }))), []);
    // Without the service, the address is one as any other.
    assert.deepEqual(diagnosed(vipAsDestination, capture), []);
  });
});

describe('idle-connection-cut', () => {
  const ports = [80, 40_000] as const;
  const opened = [
    there(tcp({ flags: 'S', sequence: 99, acknowledgment: 0 })),
    back(tcp({ from: B, to: A, ports, flags: 'SA', sequence: 199, acknowledgment: 100 })),
    there(tcp({ sequence: 100, acknowledgment: 200 })),
  ];
  const query = (): Uint8Array => there(tcp({ sequence: 100, acknowledgment: 200, length: 50 }));
  const after = (idle: number, packets: readonly Uint8Array[]): Timed[] => [
    ...every(0.1, opened),
    ...every(0.4, packets, idle),
  ];

  test('the first packet after 900 s is reset', async () => {
    const reset = back(tcp({ from: B, to: A, ports, flags: 'R', sequence: 200 }));
    const [diagnosis, ...rest] = await diagnosedIn(idleConnectionCut, after(1000, [query(), reset]));
    assert.equal(rest.length, 0);
    assert.deepEqual([diagnosis.severity, diagnosis.certainty], [Severity.Error, Certainty.Likely]);
    assert.match(diagnosis.summary, /was idle for 16 min 39 s/);
    assert.deepEqual(packetsOf(diagnosis), [4]);
  });

  test('it is repeated without an answer', async () => {
    assert.equal((await diagnosedIn(idleConnectionCut, after(1000, [query(), query(), query()]))).length, 1);
  });

  test('it is answered, or the silence was short: nothing', async () => {
    const answer = back(tcp({ from: B, to: A, ports, sequence: 200, acknowledgment: 150 }));
    assert.deepEqual(await diagnosedIn(idleConnectionCut, after(1000, [query(), answer])), []);
    assert.deepEqual(await diagnosedIn(idleConnectionCut, after(600, [query(), query(), query()])), []);
  });
});

describe('retransmission-storm', () => {
  const send = (again: number): Timed[] => {
    const segments = Array.from({ length: 40 }, (_, i) => there(tcp({ sequence: 1 + 100 * i, length: 100 })));
    return every(0.5, [...segments, ...segments.slice(0, again)]);
  };

  test('a third is sent again: a warning with the packets', async () => {
    const [diagnosis] = await diagnosedIn(retransmissionStorm, send(20));
    assert.equal(diagnosis.severity, Severity.Warning);
    assert.match(
      diagnosis.summary,
      /^10\.0\.9\.3:40000 retransmits 33\.3 % of its segments to 10\.0\.9\.4:80 in VNI 4097\./,
    );
    assert.deepEqual(packetsOf(diagnosis), [41, 42, 43, 44, 45]);
  });

  test('a few, or none: nothing', async () => {
    assert.deepEqual(await diagnosedIn(retransmissionStorm, send(3)), []);
    assert.deepEqual(await diagnosedIn(retransmissionStorm, send(0)), []);
  });
});

describe('dns-timeouts', () => {
  const message = (id: number, isResponse: boolean): Uint8Array => {
    const bytes = new Uint8Array(30);
    bytes.set([id >>> 8, id & 0xff, isResponse ? 0x81 : 0x01, 0]);
    return bytes;
  };
  const query = (id: number): Uint8Array => there(udpIp(4, 53, message(id, false), 'right', A, B));
  const answer = (id: number): Uint8Array => {
    const packet = udpIp(4, 40_000, message(id, true), 'right', B, A);
    // From port 53.
    packet.set([0, 53], 20);
    return back(packet);
  };

  test('no query is answered: an error; some are: a warning', async () => {
    const other = { at: 20, packet: back(echo(B, A)) };
    const none = [...every(1, [1, 2, 3].map(query)), other];
    const [error] = await diagnosedIn(dnsTimeouts, none);
    assert.equal(error.severity, Severity.Error);
    assert.deepEqual(packetsOf(error), [1, 2, 3]);
    const [warning] = await diagnosedIn(dnsTimeouts, [...none, { at: 1.1, packet: answer(2) }]);
    assert.equal(warning.severity, Severity.Warning);
    assert.deepEqual(packetsOf(warning), [1, 4]);
  });

  test('a capture of one direction shows no answers: a warning, possible', async () => {
    const [warning] = await diagnosedIn(dnsTimeouts, [
      ...every(1, [1, 2, 3].map(query)),
      { at: 20, packet: there(echo()) },
    ]);
    assert.deepEqual([warning.severity, warning.certainty], [Severity.Warning, Certainty.Possible]);
    assert.match(warning.summary, /^The capture shows no answer of 10\.0\.9\.4 to the 3 DNS queries/);
  });

  test('all are answered, or the capture ends before an answer can be late: nothing', async () => {
    const answered = [1, 2, 3].flatMap((id) => [query(id), answer(id)]);
    assert.deepEqual(await diagnosedIn(dnsTimeouts, [...every(0.5, answered), { at: 20, packet: there(echo()) }]), []);
    assert.deepEqual(await diagnosedIn(dnsTimeouts, every(1, [1, 2, 3].map(query))), []);
  });
});

describe('one-sided-traffic', () => {
  const pings = Array.from({ length: 4 }, (_, i) => there(echo(A, B, false, 40, i)));

  test('echo requests without an answer: an error if other packets come back, else a warning', async () => {
    const other = tunnelled(inner(echo('10.0.9.9', A, true), '10.0.9.9', A), { from: TWO, to: ONE });
    const [error, ...rest] = await diagnosedIn(oneSidedTraffic, every(1, [...pings, other]));
    assert.equal(rest.length, 0);
    assert.deepEqual([error.severity, error.certainty], [Severity.Error, Certainty.Certain]);
    assert.deepEqual(packetsOf(error), [1, 2, 3, 4]);
    const [warning] = await diagnosedIn(oneSidedTraffic, every(1, pings));
    assert.deepEqual([warning.severity, warning.certainty], [Severity.Warning, Certainty.Possible]);
  });

  test('requests of the last second before the capture ends may still be answered: nothing', async () => {
    const other = tunnelled(inner(echo('10.0.9.9', A, true), '10.0.9.9', A), { from: TWO, to: ONE });
    assert.deepEqual(await diagnosedIn(oneSidedTraffic, every(0.01, [other, ...pings])), []);
  });

  test('the answers may be in ESP that no key opens: a warning, possible', async () => {
    const esp = [1, 2, 3].map((sequence) => sealed(sequence, { from: TWO, to: ONE }));
    const [warning] = await diagnosedIn(oneSidedTraffic, [...every(1, pings), ...every(1, esp, 0.1)]);
    assert.deepEqual([warning.severity, warning.certainty], [Severity.Warning, Certainty.Possible]);
    assert.match(warning.exhibits[1].text, /ESP that no key opens/);
    // Frames of the same network in clear show that the answers would be in clear, too.
    const clear = tunnelled(inner(echo('10.0.9.9', A, true), '10.0.9.9', A), { from: TWO, to: ONE });
    const both = [...every(1, [...pings, clear]), ...every(1, esp, 0.1)];
    assert.equal((await diagnosedIn(oneSidedTraffic, both))[0].severity, Severity.Error);
  });

  test('SYNs, too', async () => {
    const syns = Array.from({ length: 3 }, () => there(tcp({ flags: 'S' })));
    const [diagnosis] = await diagnosedIn(oneSidedTraffic, every(1, syns));
    assert.match(diagnosis.exhibits[0].text, /^3 SYNs of 10\.0\.9\.3/);
  });

  test('answers that come from another node', async () => {
    const answers = pings.map(() => tunnelled(inner(echo(B, A, true), B, A), { from: THREE, to: ONE }));
    const diagnoses = await diagnosedIn(oneSidedTraffic, every(1, [...pings, ...answers]));
    assert.ok(diagnoses.length > 0);
    assert.match(diagnoses[0].summary, /192\.168\.50\.3/);
  });

  test('answered pings, and UDP that wants no answer: nothing', async () => {
    const answered = pings.flatMap((ping, i) => [ping, back(echo(B, A, true, 40, i))]);
    assert.deepEqual(await diagnosedIn(oneSidedTraffic, every(1, answered)), []);
    const udp = Array.from({ length: 9 }, () => there(udpIp(4, 8125, new Uint8Array(9), 'right', A, B)));
    assert.deepEqual(await diagnosedIn(oneSidedTraffic, every(1, udp)), []);
  });
});
