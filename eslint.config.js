import { dirname, join, relative, resolve, sep } from 'node:path';
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/**
 * The layers of src/, lowest first. A directory may import from lower layers, and from those listed for it in its own
 * layer.
 */
const FLOORS = [
  { text: [] },
  { 'error.ts': [], 'disposable.ts': [] },
  { memory: [], foreign: ['memory'] },
  { wire: [], protobuf: [] },
  { aead: [], capture: [] },
  { ipsec: [], fragment: [] },
  { overlay: [] },
  { dataplane: [] },
  { service: [], gossip: [], mesh: [] },
  { inspect: [], workers: [], replay: ['workers'] },
  { frames: [], simulate: ['frames'], picture: [], doctor: [], generate: [] },
  { report: [] },
  { live: [], join: ['live'] },
  { swarm: [], fleet: [] },
  { cli: [] },
  { 'index.ts': [] },
];

/** What a room shows the others: its public API, the part of it that needs no Node, and what only vtep itself uses. */
const ENTRY_POINTS = ['index.js', 'portable.js', 'internal.js', 'files.js'];

/** Files that others import directly, since a command would load much more through an entry point of their room. */
const SEPARATE = [
  'text/',
  'capture/file/foreign-file.js',
  'capture/file/part-file.js',
  'capture/file/process-mark.js',
  'capture/file/standard-stream.js',
  'fleet/store/nats/address.js',
  'live/state/file-lock.js',
  'overlay/keys/gossip-keys.js',
  'overlay/keys/key-ring-file.js',
  'overlay/keys/keys-file.js',
  'replay/random.js',
];

const floorsRule = {
  meta: {
    type: 'problem',
    messages: {
      up: '{{from}} must not import {{to}}, which is not on a lower floor.',
      deep: 'Import {{to}} through an entry point of its room: index.js, portable.js or internal.js.',
    },
  },
  create(context) {
    const roomOf = (path) => {
      const [top, room] = relative(import.meta.dirname, path).split(sep);
      return top === 'src' ? room?.replace(/\.js$/, '.ts') : undefined;
    };
    const floorOf = (room) => FLOORS.findIndex((floor) => room in floor);
    const from = roomOf(context.filename);
    const check = ({ source }) => {
      if (from === undefined || !source?.value.startsWith('.')) return;
      const path = resolve(dirname(context.filename), source.value);
      const to = roomOf(path);
      // The CLI also starts code outside src/: benches, and ciphers for browsers.
      if (to === undefined && from === 'cli') return;
      const allowed = to === from || floorOf(to) < floorOf(from) || FLOORS[floorOf(from)][from].includes(to);
      if (!allowed || to === undefined) context.report({ node: source, messageId: 'up', data: { from, to } });
      const file = relative(join(import.meta.dirname, 'src'), path)
        .split(sep)
        .join('/');
      const isEntry = !file.includes('/') || ENTRY_POINTS.includes(file.split('/')[1]);
      if (to !== from && !isEntry && !SEPARATE.some((entry) => file.startsWith(entry))) {
        context.report({ node: source, messageId: 'deep', data: { to: file } });
      }
    };
    return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check };
  },
};

/** The hot path indexes typed arrays, so non-null and index rules for sparse data stay off. */
const config = tseslint.config(
  { ignores: ['dist/', 'out/', 'docs/api/', 'bench/captures/', 'fixtures/'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    files: ['**/*.ts', '**/*.tsx'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-import-type-side-effects': 'off',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unnecessary-condition': 'error',
      '@typescript-eslint/prefer-literal-enum-member': 'off',
      // A tenth of the linter's time, and enums are forbidden below.
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: 'Use an `as const` object.' },
        { selector: 'ExportDefaultDeclaration', message: 'Use named exports.' },
        { selector: 'TSModuleDeclaration[kind="namespace"]', message: 'Use a module.' },
      ],
      eqeqeq: 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { house: { rules: { floors: floorsRule } } },
    rules: { 'house/floors': 'error' },
  },
  {
    // The runner itself awaits the promises that node:test's functions return.
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    // Rules that need types take most of the linter's time, and find little in tests, which fail by themselves.
    files: ['test/**/*.ts', '*.config.js', 'build.js', 'build-types.js', 'bundle.js', 'native-free/explorer/build.js'],
    ...tseslint.configs.disableTypeChecked,
  },
);

export { config as default };
