import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  DROP_REASONS,
  DropReason,
  dropReasonName,
  dropReasonOfHeaderError,
  dropReasonOfReassembly,
  dropReasonText,
} from '../../src/dataplane/drop-reason.js';
import { REASSEMBLY_DROPS, ReassemblyDrop } from '../../src/fragment/reassembly-drop.js';
import { HeaderError, Layer } from '../../src/wire/index.js';

const REASONS = Object.values(DropReason);
const FAULTS = Object.values(HeaderError).filter((headerError) => headerError !== HeaderError.None);
const LAYERS = Object.values(Layer);

describe('drop reasons', () => {
  test('are numbered from 0, so that counts fit an array', () => {
    assert.deepEqual(
      REASONS,
      REASONS.map((_, i) => i),
    );
    assert.equal(REASONS.length, DROP_REASONS);
  });

  test('each has a unique name of letters, digits and underscores, and a unique line of text', () => {
    const names = REASONS.map(dropReasonName);
    const texts = REASONS.map(dropReasonText);
    assert.equal(new Set(names).size, DROP_REASONS);
    assert.equal(new Set(texts).size, DROP_REASONS);
    for (const name of names) assert.match(name, /^[A-Za-z][A-Za-z0-9_]+$/);
    for (const text of texts) assert.match(text, /^[^\n.]{5,90}$/);
  });

  test('the names are the kernel’s where it has one (dropreason-core.h, xfrm_proc.c)', () => {
    const KERNEL: [DropReason, string][] = [
      [DropReason.PacketTooSmall, 'PKT_TOO_SMALL'],
      [DropReason.IpHeader, 'IP_INHDR'],
      [DropReason.IpChecksum, 'IP_CSUM'],
      [DropReason.Ipv6ExtensionHeader, 'IPV6_BAD_EXTHDR'],
      [DropReason.UdpChecksum, 'UDP_CSUM'],
      [DropReason.VxlanInvalidHeader, 'VXLAN_INVALID_HDR'],
      [DropReason.VxlanVniNotFound, 'VXLAN_VNI_NOT_FOUND'],
      [DropReason.EspHeader, 'XfrmInHdrError'],
      [DropReason.DuplicateFragment, 'DUP_FRAG'],
      [DropReason.FragmentTooLong, 'FRAG_TOO_LONG'],
      [DropReason.FragmentTimeout, 'FRAG_REASM_TIMEOUT'],
    ];
    for (const [reason, name] of KERNEL) assert.equal(dropReasonName(reason), name);
  });

  test('maps each reassembly drop to a distinct reason', () => {
    const drops = Object.values(ReassemblyDrop);
    assert.equal(drops.length, REASSEMBLY_DROPS);
    const reasons = drops.map(dropReasonOfReassembly);
    assert.equal(reasons[ReassemblyDrop.None], DropReason.None);
    assert.equal(new Set(reasons).size, REASSEMBLY_DROPS);
    for (const reason of reasons) assert.ok(REASONS.includes(reason));
  });

  test('every header error in every layer has a reason', () => {
    for (const layer of LAYERS) {
      for (const headerError of FAULTS) {
        const reason = dropReasonOfHeaderError(headerError, layer);
        assert.ok(REASONS.includes(reason) && reason !== DropReason.None, `fault ${headerError} in layer ${layer}`);
      }
    }
  });

  test('truncation by the snaplen is CAPTURE_TRUNCATED in every layer', () => {
    for (const layer of LAYERS)
      assert.equal(dropReasonOfHeaderError(HeaderError.Truncated, layer), DropReason.CaptureTruncated);
  });

  test('the reason names the layer of the invalid header', () => {
    const CASES: [Layer, HeaderError, DropReason][] = [
      [Layer.None, HeaderError.Short, DropReason.PacketTooSmall],
      [Layer.Ethernet, HeaderError.Short, DropReason.PacketTooSmall],
      [Layer.Vlan, HeaderError.Short, DropReason.PacketTooSmall],
      [Layer.Vlan, HeaderError.TooDeep, DropReason.VlanTagsTooDeep],
      [Layer.Network, HeaderError.BadVersion, DropReason.IpHeader],
      [Layer.Extension, HeaderError.TooDeep, DropReason.Ipv6ExtensionHeader],
      [Layer.Transport, HeaderError.BadLength, DropReason.TransportHeader],
    ];
    for (const [layer, headerError, reason] of CASES) assert.equal(dropReasonOfHeaderError(headerError, layer), reason);
  });
});
