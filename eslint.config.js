import { dirname, relative, resolve, sep } from 'node:path';
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
  { wire: [] },
  { aead: [], capture: [] },
  { ipsec: [], fragment: [] },
  { overlay: [] },
  { dataplane: [] },
  { inspect: [], workers: [], replay: ['workers'] },
  { frames: [], simulate: ['frames'], picture: [] },
  { live: [] },
  { cli: [] },
  { 'index.ts': [] },
];

const floorsRule = {
  meta: { type: 'problem', messages: { up: '{{from}} must not import {{to}}, which is not on a lower floor.' } },
  create(context) {
    const roomOf = (path) => {
      const [top, room] = relative(import.meta.dirname, path).split(sep);
      return top === 'src' ? room?.replace(/\.js$/, '.ts') : undefined;
    };
    const floorOf = (room) => FLOORS.findIndex((floor) => room in floor);
    const from = roomOf(context.filename);
    const check = ({ source }) => {
      if (from === undefined || !source?.value.startsWith('.')) return;
      const to = roomOf(resolve(dirname(context.filename), source.value));
      // The CLI also starts code outside src/: benches, and ciphers for browsers.
      if (to === undefined && from === 'cli') return;
      const allowed = to === from || floorOf(to) < floorOf(from) || FLOORS[floorOf(from)][from].includes(to);
      if (!allowed || to === undefined) context.report({ node: source, messageId: 'up', data: { from, to } });
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
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-import-type-side-effects': 'off',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unnecessary-condition': 'error',
      '@typescript-eslint/prefer-literal-enum-member': 'off',
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
  { files: ['*.config.js', 'build.js'], ...tseslint.configs.disableTypeChecked },
);

export { config as default };
