/** The table of a replay's backends: what each load balancer sent to whom. */
import type { ServiceReplay } from '../../replay/index.js';
import type { Line } from '../style.js';
import { type Cell, type Column, numbers, table, words } from '../table.js';

const COLUMNS: readonly Column[] = [
  words('load balancer'),
  words('service'),
  words('task'),
  words('address'),
  numbers('connections'),
  numbers('packets to'),
  numbers('from'),
];

/** The lines of the table: one for each backend that had a connection, and for each service without any. */
export function loadLines({ nodes }: ServiceReplay): Line[] {
  const rows = Object.entries(nodes).flatMap(([node, networks]) =>
    networks.flatMap(({ network, services }) =>
      services.flatMap(({ name, opened, refused, backends }): Cell[][] => {
        const where = `${node}, ${network}`;
        const used = backends.filter((backend) => backend.opened > 0);
        if (used.length > 0) {
          return used.map((backend): Cell[] => {
            const { task, address, packetsIn, packetsOut } = backend;
            return [where, name, task, address, backend.opened, packetsIn, packetsOut];
          });
        }
        return opened + refused > 0 ? [[where, name, '-', '-', opened, 0, 0]] : [];
      }),
    ),
  );
  return rows.length === 0 ? [] : table(COLUMNS, rows);
}
