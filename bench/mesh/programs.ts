/** haproxy with one thread and nginx with one process, as proxies by Host and, haproxy, as a backend. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HostAddresses } from './hosts.js';

/** haproxy's arguments. */
export function haproxyProxy(folder: string, address: string, port: number, hosts: HostAddresses): string[] {
  const all = Object.entries(hosts);
  return haproxy(folder, 'proxy', [
    'frontend mesh',
    `  bind ${address}:${port}`,
    ...all.map(([name], i) => `  use_backend b${i} if { hdr(host) -i ${name} }`),
    ...all.flatMap(([, to], i) => [`backend b${i}`, ...to.map((one, k) => `  server s${k} ${one.host}:${one.port}`)]),
  ]);
}

/** The arguments of a haproxy that answers by itself, with so many bytes. */
export function haproxyBackend(folder: string, address: string, port: number, bytes: number): string[] {
  return haproxy(folder, 'backend', [
    'frontend backend',
    `  bind ${address}:${port}`,
    `  http-request return status 200 content-type text/plain string "${'a'.repeat(bytes)}"`,
  ]);
}

function haproxy(folder: string, name: string, lines: readonly string[]): string[] {
  const path = join(folder, `haproxy-${name}.cfg`);
  const text = [
    'global',
    '  nbthread 1',
    '  maxconn 4000',
    'defaults',
    '  mode http',
    '  timeout client 30s',
    '  timeout server 30s',
    '  timeout connect 5s',
    '  timeout tunnel 30s',
    '  option forwardfor',
    '  http-reuse always',
    ...lines,
  ];
  writeFileSync(path, `${text.join('\n')}\n`);
  return ['haproxy', '-q', '-db', '-f', path];
}

/** nginx's arguments: one process, connections to backends kept, nothing on the disk. */
export function nginxProxy(folder: string, address: string, port: number, hosts: HostAddresses): string[] {
  const path = join(folder, 'nginx.conf');
  const all = Object.entries(hosts);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const text = [
    'daemon off;',
    'master_process off;',
    `pid ${folder}/nginx.pid;`,
    'error_log stderr error;',
    'events { worker_connections 4096; }',
    'http {',
    '  access_log off;',
    '  keepalive_requests 1000000000;',
    ...temporary.map((name) => `  ${name}_temp_path ${folder}/nginx-${name};`),
    "  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }",
    '  proxy_http_version 1.1;',
    '  proxy_max_temp_file_size 0;',
    '  proxy_set_header Host $host;',
    '  proxy_set_header X-Forwarded-For $remote_addr;',
    '  proxy_set_header Upgrade $http_upgrade;',
    '  proxy_set_header Connection $connection_upgrade;',
    ...all.flatMap(([name, to], i) => [
      `  upstream b${i} { ${to.map((one) => `server ${one.host}:${one.port};`).join(' ')} keepalive 256; keepalive_requests 1000000000; }`,
      `  server { listen ${address}:${port}; server_name ${name}; location / { proxy_pass http://b${i}; } }`,
    ]),
    '}',
  ];
  writeFileSync(path, `${text.join('\n')}\n`);
  return ['nginx', '-p', folder, '-e', 'stderr', '-c', path];
}
