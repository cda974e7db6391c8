/** The API reference: of what package.json exports, and of no more; with the pages of docs/ beside it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Converter, MarkdownEvent, ReflectionKind, RendererEvent } from 'typedoc';

const { exports, name } = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8'));

/** A name is described where the first entry exports it; entries that gather others come last and refer to those. */
function isGathering(path) {
  return path === '.' || path.startsWith('./native-free');
}

const entries = Object.entries(exports).filter(([, entry]) => typeof entry === 'object');
const entryPoints = entries
  .toSorted(([a], [b]) => isGathering(a) - isGathering(b))
  .map(([, { types }]) => types.replace('./dist/', '').replace('.d.ts', '.ts'));
/** In the order of package.json: first what to start with. */
const moduleNames = entries.map(([path]) => join(name, path));

function place(reflection) {
  return reflection.isDocument() ? Infinity : moduleNames.indexOf(reflection.name);
}

function byPlace(a, b) {
  return place(a) === place(b) ? 0 : place(a) - place(b);
}

/** Lists the modules in the order of package.json, which isn't the order in which they are converted; then the pages. */
function sortModules({ project }) {
  project.children?.sort(byPlace);
  project.childrenIncludingDocuments?.sort(byPlace);
  for (const { children } of project.groups ?? []) children.sort(byPlace);
}

/** Pages are listed by their headings, not by the names of their files. */
function nameDocuments({ project }) {
  for (const page of project.documents ?? []) {
    const text = page.content.map((part) => part.text).join('');
    page.name = /^# (.+)$/m.exec(text)?.[1].replaceAll('`', '') ?? page.name;
  }
}

/** Links names in code spans of the pages to their descriptions: modules, and what they export. */
function linkNames({ project }) {
  const targets = new Map();
  for (const module of project.children ?? []) {
    if (module.name !== name) targets.set(module.name, module);
    for (const child of module.children ?? []) {
      // A constant and its type have one name; the constant says more.
      if (!child.isReference() && !(child.kind === ReflectionKind.TypeAlias && targets.has(child.name)))
        targets.set(child.name, child);
    }
  }
  function link(part, index, parts) {
    const target = part.kind === 'code' ? targets.get(part.text.slice(1, -1)) : undefined;
    // Not in a link; and words of the command line are no names.
    if (target === undefined || parts[index - 1]?.text.endsWith('[')) return part;
    if (parts !== project.readme && !/[A-Z/]/.test(target.name)) return part;
    return { kind: 'inline-tag', tag: '@linkcode', text: target.name, target };
  }
  project.readme = project.readme?.map(link);
  // The project's name is the heading already.
  if (project.readme !== undefined) project.readme[0].text = project.readme[0].text.replace(/^# .*\n/, '');
  for (const page of project.documents ?? []) page.content = page.content.map(link);
}

/** TypeDoc colours blocks without a language as TypeScript; here they are output and diagrams. */
function markPlainBlocks(event) {
  event.parsedText = event.parsedText.replaceAll(
    /^```(\w*)\n([\s\S]*?)^```$/gm,
    (_, language, text) => `\`\`\`${language || 'text'}\n${text}\`\`\``,
  );
}

function plugin(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, linkNames);
  // After the groups are made.
  app.converter.on(Converter.EVENT_RESOLVE_END, sortModules, -1000);
  app.renderer.on(RendererEvent.BEGIN, nameDocuments);
  app.renderer.on(MarkdownEvent.PARSE, markPlainBlocks, 1000);
}

const config = {
  name: `${name} API reference`,
  entryPoints,
  readme: 'docs/reference.md',
  projectDocuments: [
    'library',
    'recipes',
    'data-plane',
    'architecture',
    'keys',
    'rotation',
    'security',
    'captures',
    'imports',
    'live',
    'troubleshooting',
    'cli',
    'performance',
    'benchmark',
  ].map((page) => `docs/${page}.md`),
  tsconfig: 'tsconfig.json',
  out: 'docs/api',
  customCss: 'typedoc.css',
  plugin: [plugin],
  excludeInternal: true,
  // Where the repository is to be read isn't known, so that links to its lines can't be made.
  disableSources: true,
  // The build checks the types.
  skipErrorChecking: true,
  sort: ['documents-last', 'kind', 'instance-first', 'source-order'],
  sortEntryPoints: false,
  // What to call comes before what it holds.
  kindSortOrder: [
    'Module',
    'Function',
    'Class',
    'Constructor',
    'Method',
    'Accessor',
    'Property',
    'Variable',
    'Interface',
    'TypeAlias',
    'Reference',
  ],
  groupOrder: ['Modules', 'Functions', 'Classes', 'Constructors', 'Methods', 'Accessors', 'Properties', '*'],
  useFirstParagraphOfCommentAsSummary: true,
  searchInComments: true,
  searchInDocuments: true,
  navigation: { includeFolders: false, excludeReferences: true },
  // What a field or an accessor is, its name often says well enough.
  requiredToBeDocumented: ['Module', 'Class', 'CallSignature', 'Interface', 'TypeAlias', 'Variable'],
  validation: {
    invalidLink: true,
    invalidPath: true,
    notDocumented: true,
    notExported: true,
    rewrittenLink: true,
    unusedMergeModuleWith: true,
  },
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
};

export { config as default };
