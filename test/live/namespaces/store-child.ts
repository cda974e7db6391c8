/** Writes records to a store, from a namespace that reaches its server: `ADDRESS network|endpoint|remove|keys ...` */
import {
  createEndpoint,
  decodeRecord,
  encodeRecord,
  NatsStore,
  recordKey,
  removeEndpoint,
} from '../../../src/fleet/index.js';
import { networkRecord } from '../../fleet/node/some-records.js';

const [, , address = '', what = '', name = '', ...rest] = process.argv;
const store = await NatsStore.open(address);

async function network(of: string): Promise<ReturnType<typeof networkRecord>['record']> {
  const key = recordKey(networkRecord(of, 1, '10.0.0.0/8'));
  const found = await store.get(key);
  const record = found && decodeRecord(key, found.value);
  if (record?.kind !== 'network') throw new Error(`no network ${of}`);
  return record.record;
}

switch (what) {
  case 'network': {
    const [vni = '', subnet = '', encrypted = ''] = rest;
    const record = networkRecord(name, Number(vni), subnet, { encrypted: encrypted === 'encrypted' });
    await store.put(recordKey(record), encodeRecord(record), { revision: 0 });
    break;
  }
  case 'endpoint': {
    const [id = '', node = '', ip = '', netns = ''] = rest;
    await createEndpoint(store, {
      ...{ network: await network(name), id, kind: 'container', name: id, node, ip, netns, device: 'eth0' },
      created: new Date().toISOString(),
    });
    break;
  }
  case 'remove':
    await removeEndpoint(store, { name }, rest[0] ?? '');
    break;
  case 'keys': {
    const { records } = await store.snapshot('');
    process.stdout.write(JSON.stringify(records.map(({ key }) => key)));
  }
}
if (what !== 'keys') process.stdout.write(String(Date.now()));
await store.close();
