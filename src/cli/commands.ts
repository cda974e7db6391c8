/** The commands. */
import type { CommandGroup } from './command.js';
import { ENDPOINT_COMMANDS } from './endpoint/endpoint.js';
import { KEYS_COMMANDS } from './keys/keys.js';
import { MESH_COMMANDS } from './mesh/mesh.js';
import { NETWORK_COMMANDS } from './network/network.js';
import { NODE_COMMANDS } from './node/node.js';
import { SERVICE_COMMANDS } from './service/service.js';

/** `vtep`. */
export const COMMANDS: CommandGroup = {
  name: 'vtep',
  summary: 'a VXLAN and IPsec data plane',
  description: ["A VXLAN and IPsec data plane for overlay networks such as Docker Swarm's."],
  notes: [
    'vtep help COMMAND shows the options of a command and examples. Results go to standard output, diagnostics to ' +
      'standard error.',
    'Exit status: 0 done; 1 done, but something is wrong with the data (--strict); 2 usage error or unreadable file; 3 ' +
      'no manager reached (join). ' +
      'Ctrl-C, SIGTERM and SIGHUP terminate a command by that signal (a shell sees 130, 143 and 129) and leave no partial ' +
      'output files. up, join, capture and inject stop cleanly on Ctrl-C and SIGTERM and print their totals.',
  ],
  commands: [
    {
      name: 'inspect',
      summary: 'show what captures contain: networks, conversations, SPIs, problems',
      load: async () => (await import('./capture/inspect.js')).inspectCommand,
    },
    {
      name: 'doctor',
      summary: 'say what is wrong with an overlay, why, and what to do about it',
      load: async () => (await import('./doctor/doctor.js')).doctorCommand,
    },
    {
      name: 'report',
      summary: 'write what captures contain as one HTML page: findings, pictures, tables',
      load: async () => (await import('./report/report.js')).reportCommand,
    },
    {
      name: 'explore',
      summary: 'show captures in a browser: map, timeline, flows, packets, keys',
      load: async () => (await import('./explore/explore.js')).exploreCommand,
    },
    {
      name: 'decap',
      summary: "extract the containers' frames from a capture of the underlay",
      load: async () => (await import('./capture/decap.js')).decapCommand,
    },
    {
      name: 'encap',
      summary: "encapsulate containers' frames as a node sends them",
      load: async () => (await import('./replay/encap.js')).encapCommand,
    },
    {
      name: 'replay',
      summary: 'run a capture through the whole data plane and back, and compare',
      load: async () => (await import('./replay/replay.js')).replayCommand,
    },
    {
      name: 'up',
      summary: 'run this host as a node of an overlay',
      load: async () => (await import('./live/up.js')).upCommand,
    },
    {
      name: 'join',
      summary: 'run this host as a node of a Docker swarm, from a join token',
      load: async () => (await import('./join/join.js')).joinCommand,
    },
    {
      name: 'status',
      summary: 'show the tables of a running node: services, connections, endpoints, SAs',
      load: async () => (await import('./status/status.js')).statusCommand,
    },
    {
      name: 'capture',
      summary: 'capture packets from a device: tables, a file, or inner frames',
      load: async () => (await import('./capture/capture.js')).captureCommand,
    },
    {
      name: 'inject',
      summary: 'send a capture to a device at a chosen rate',
      load: async () => (await import('./live/inject.js')).injectCommand,
    },
    {
      name: 'generate',
      summary: 'make a capture of overlay traffic: clear or encrypted, healthy or with faults',
      load: async () => (await import('./generate/generate.js')).generateCommand,
    },
    {
      name: 'wireshark',
      summary: 'write keys and preferences for Wireshark, to open a capture decrypted',
      load: async () => (await import('./wireshark/wireshark.js')).wiresharkCommand,
    },
    {
      name: 'extcap',
      summary: 'be an interface of Wireshark that shows inner frames, live and decrypted',
      load: async () => (await import('./extcap/extcap.js')).extcapCommand,
    },
    KEYS_COMMANDS,
    NETWORK_COMMANDS,
    ENDPOINT_COMMANDS,
    SERVICE_COMMANDS,
    MESH_COMMANDS,
    NODE_COMMANDS,
    {
      name: 'demo',
      summary: 'show what vtep does, with a capture of a real swarm',
      load: async () => (await import('./demo.js')).demoCommand,
    },
    {
      name: 'worker',
      summary: 'read captures for inspect, doctor and decap --fleet, on another machine',
      load: async () => (await import('./fleet/worker.js')).workerCommand,
    },
    {
      name: 'bench',
      summary: 'measure the data plane stage by stage, clear and encrypted',
      load: async () => (await import('./bench.js')).benchCommand,
    },
    {
      name: 'mtu',
      summary: 'compute the MTU inside an overlay, and what Docker sets',
      load: async () => (await import('./mtu.js')).mtuCommand,
    },
    {
      name: 'completion',
      summary: 'print a completion script for bash, zsh or fish',
      load: async () => (await import('./completion/completion.js')).completionCommand,
    },
  ],
};
