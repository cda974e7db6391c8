/**
 * The build: tsc with one addition. V8 folds a module's own constants into its machine code but reads imported ones, and
 * the properties of an object, anew at each use, which costs the packet path a good part of its speed. So the build
 * writes the values of constants into the JavaScript where they are used, as other compilers do:
 *
 *     if (protocol === IpProtocol.Udp) at += UDP_SPAN;   →   if (protocol === 17) at += 8;
 *
 * Replaced are numbers and booleans: properties of the module-level `as const` objects of this project, and the exported
 * constants of its modules, in all of them. Declarations, exports and imports stay as they are.
 *
 * Usage: node build.js [-p TSCONFIG]
 *
 * It reports what tsc reports and exits with status 1 if there is any error. Plain `tsc -p tsconfig.json` builds the
 * same program without the replacements.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import ts from 'typescript';

const { SyntaxKind } = ts;

/** What binary operators give, for operands that are numbers. */
const OPERATORS = new Map([
  [SyntaxKind.PlusToken, (a, b) => a + b],
  [SyntaxKind.MinusToken, (a, b) => a - b],
  [SyntaxKind.AsteriskToken, (a, b) => a * b],
  [SyntaxKind.AsteriskAsteriskToken, (a, b) => a ** b],
  [SyntaxKind.SlashToken, (a, b) => a / b],
  [SyntaxKind.PercentToken, (a, b) => a % b],
  [SyntaxKind.LessThanLessThanToken, (a, b) => a << b],
  [SyntaxKind.GreaterThanGreaterThanToken, (a, b) => a >> b],
  [SyntaxKind.GreaterThanGreaterThanGreaterThanToken, (a, b) => a >>> b],
  [SyntaxKind.AmpersandToken, (a, b) => a & b],
  [SyntaxKind.BarToken, (a, b) => a | b],
  [SyntaxKind.CaretToken, (a, b) => a ^ b],
]);

const PREFIXES = new Map([
  [SyntaxKind.PlusToken, (a) => a],
  [SyntaxKind.MinusToken, (a) => -a],
  [SyntaxKind.TildeToken, (a) => ~a],
]);

/** Finds the values that expressions are known to have. */
class Constants {
  #checker;
  /** By declaration: its value, or undefined for none (also while it is being looked for, which ends cycles). */
  #values = new Map();

  constructor(checker) {
    this.#checker = checker;
  }

  /** The declaration behind a name, if it is a module-level `const` of this project. */
  declarationOf(identifier) {
    let symbol = this.#checker.getSymbolAtLocation(identifier);
    if (symbol === undefined) return undefined;
    if (symbol.flags & ts.SymbolFlags.Alias) symbol = this.#checker.getAliasedSymbol(symbol);
    const declaration = symbol.valueDeclaration;
    return declaration !== undefined && isModuleConstant(declaration) ? declaration : undefined;
  }

  /** The value of a `const` declaration: a number, a boolean, or undefined if it isn't known. */
  valueOf(declaration) {
    if (!this.#values.has(declaration)) {
      this.#values.set(declaration, undefined);
      this.#values.set(declaration, this.evaluate(declaration.initializer));
    }
    return this.#values.get(declaration);
  }

  /** The value of `Name.Property`, if Name is an `as const` object. */
  valueOfProperty(access) {
    if (!ts.isIdentifier(access.expression) || access.questionDotToken !== undefined) return undefined;
    const declaration = this.declarationOf(access.expression);
    const object = declaration === undefined ? undefined : constantObject(declaration.initializer);
    const property = object?.properties.find(({ name }) => name?.text === access.name.text);
    return property === undefined ? undefined : this.evaluate(property.initializer);
  }

  /** The value of an expression of literals and constants. */
  evaluate(expression) {
    const node = unwrap(expression);
    if (ts.isNumericLiteral(node)) return Number(node.text);
    if (node.kind === SyntaxKind.TrueKeyword) return true;
    if (node.kind === SyntaxKind.FalseKeyword) return false;
    if (ts.isIdentifier(node)) {
      const declaration = this.declarationOf(node);
      return declaration === undefined ? undefined : this.valueOf(declaration);
    }
    if (ts.isPropertyAccessExpression(node)) return this.valueOfProperty(node) ?? this.#valueByType(node);
    if (ts.isCallExpression(node)) return this.#valueByType(node);
    if (ts.isPrefixUnaryExpression(node)) return apply(PREFIXES.get(node.operator), this.evaluate(node.operand));
    if (ts.isBinaryExpression(node)) {
      return apply(OPERATORS.get(node.operatorToken.kind), this.evaluate(node.left), this.evaluate(node.right));
    }
    return undefined;
  }

  /** `layout.span`, `layout.offsetOf('name')`: what can't change, and has one number for its type. */
  #valueByType(expression) {
    if (ts.isPropertyAccessExpression(expression)) {
      const property = this.#checker.getSymbolAtLocation(expression.name)?.valueDeclaration;
      const flags = property === undefined ? 0 : ts.getCombinedModifierFlags(property);
      if (!(flags & ts.ModifierFlags.Readonly)) return undefined;
    }
    const type = this.#checker.getTypeAtLocation(expression);
    return type.isNumberLiteral() ? type.value : undefined;
  }
}

function apply(operator, ...operands) {
  if (operator === undefined || !operands.every((operand) => typeof operand === 'number')) return undefined;
  return operator(...operands);
}

function isModuleConstant(node) {
  return (
    ts.isVariableDeclaration(node) &&
    node.initializer !== undefined &&
    (node.parent.flags & ts.NodeFlags.BlockScoped) === ts.NodeFlags.Const &&
    ts.isVariableStatement(node.parent.parent) &&
    ts.isSourceFile(node.parent.parent.parent) &&
    !node.getSourceFile().isDeclarationFile
  );
}

/** An expression without parentheses and what speaks of types only. */
function unwrap(expression) {
  let node = expression;
  while (ts.isAsExpression(node) || ts.isSatisfiesExpression(node) || ts.isParenthesizedExpression(node)) {
    node = node.expression;
  }
  return node;
}

/** The object literal of `{ … } as const`, if all its properties are plain ones. */
function constantObject(initializer) {
  const object = unwrap(initializer);
  if (!ts.isObjectLiteralExpression(object)) return undefined;
  const { parent, properties } = object;
  if (!ts.isAsExpression(parent) || !ts.isConstTypeReference(parent.type)) return undefined;
  const plain = properties.every((property) => ts.isPropertyAssignment(property) && 'text' in property.name);
  return plain ? object : undefined;
}

function isAssignment(operator) {
  return operator >= SyntaxKind.FirstAssignment && operator <= SyntaxKind.LastAssignment;
}

/** Whether a node is an expression of its own whose value is read: no name of something, and nothing that may change. */
function isRead(node) {
  const { parent } = node;
  if (parent.name === node || parent.propertyName === node) return false;
  if (ts.isBinaryExpression(parent)) {
    return !(isAssignment(parent.operatorToken.kind) && parent.left === node);
  }
  if (ts.isPrefixUnaryExpression(parent)) {
    return parent.operator !== SyntaxKind.PlusPlusToken && parent.operator !== SyntaxKind.MinusMinusToken;
  }
  if (ts.isPostfixUnaryExpression(parent) || ts.isDeleteExpression(parent)) return false;
  // The object of an access, or what is called.
  const isObject = ts.isLeftHandSideExpression(parent) && parent.expression === node;
  return !isObject || ts.isParenthesizedExpression(parent);
}

function literal(factory, value) {
  if (typeof value === 'boolean') return value ? factory.createTrue() : factory.createFalse();
  if (value >= 0) return factory.createNumericLiteral(value);
  const negative = factory.createPrefixUnaryExpression(SyntaxKind.MinusToken, factory.createNumericLiteral(-value));
  return factory.createParenthesizedExpression(negative);
}

/** Names that V8 reads anew at each use: what a file imports, and the constants that it exports. */
function sharedNames(file) {
  const names = new Set();
  for (const statement of file.statements) {
    if (ts.isImportDeclaration(statement)) {
      const bindings = statement.importClause?.namedBindings;
      if (bindings !== undefined && ts.isNamedImports(bindings)) {
        for (const { name } of bindings.elements) names.add(name.text);
      }
    } else if (isExported(statement)) {
      for (const { name } of statement.declarationList.declarations) if (ts.isIdentifier(name)) names.add(name.text);
    }
  }
  return names;
}

/** `export const …`, and `export let …`, of which no value is known. */
function isExported(statement) {
  if (!ts.isVariableStatement(statement)) return false;
  return statement.modifiers?.some(({ kind }) => kind === SyntaxKind.ExportKeyword) === true;
}

/** Writes the values of constants where they are used. */
function inlineConstants(constants) {
  return (context) => (file) => {
    const shared = sharedNames(file);

    function valueAt(node) {
      if (ts.isPropertyAccessExpression(node)) return isRead(node) ? constants.valueOfProperty(node) : undefined;
      if (!ts.isIdentifier(node) || !shared.has(node.text) || !isRead(node)) return undefined;
      const declaration = constants.declarationOf(node);
      return declaration === undefined ? undefined : constants.valueOf(declaration);
    }

    function visit(node) {
      if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node;
      const value = valueAt(node);
      const known = typeof value === 'boolean' || (Number.isFinite(value) && !Object.is(value, -0));
      if (!known) return ts.visitEachChild(node, visit, context);
      const replacement = literal(context.factory, value);
      ts.setCommentRange(replacement, node);
      return ts.setSourceMapRange(replacement, node);
    }

    return ts.visitNode(file, visit);
  };
}

/**
 * A digest of what one module's constants write into others, and of this program. Where it has changed, everything is
 * compiled anew: with `isolatedModules`, tsc compiles no file anew because another one has changed.
 */
function digestOf(program, constants) {
  const hash = createHash('sha256').update(readFileSync(import.meta.filename));
  for (const file of program.getSourceFiles()) {
    if (file.isDeclarationFile) continue;
    for (const statement of file.statements) {
      if (ts.isExportDeclaration(statement)) hash.update(`${file.fileName}: ${statement.getText(file)}\n`);
      if (!isExported(statement)) continue;
      for (const declaration of statement.declarationList.declarations.filter(isModuleConstant)) {
        const object = constantObject(declaration.initializer);
        const values = object?.properties.map(({ name, initializer }) => [name.text, constants.evaluate(initializer)]);
        const value = JSON.stringify(values ?? constants.valueOf(declaration));
        hash.update(`${file.fileName}: ${declaration.name.getText(file)} = ${value}\n`);
      }
    }
  }
  return hash.digest('hex');
}

/** Reports what is wrong as tsc does. Returns the exit status. */
function report(diagnostics) {
  const format = process.stdout.isTTY ? ts.formatDiagnosticsWithColorAndContext : ts.formatDiagnostics;
  const sorted = ts.sortAndDeduplicateDiagnostics(diagnostics);
  process.stdout.write(
    format(sorted, {
      getCanonicalFileName: (name) => name,
      getCurrentDirectory: ts.sys.getCurrentDirectory,
      getNewLine: () => ts.sys.newLine,
    }),
  );
  return sorted.some(({ category }) => category === ts.DiagnosticCategory.Error) ? 1 : 0;
}

/** Builds what a tsconfig file names. Returns the exit status. */
function build(configFile) {
  const unreadable = [];
  const configHost = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (diagnostic) => unreadable.push(diagnostic) };
  const config = ts.getParsedCommandLineOfConfigFile(configFile, {}, configHost);
  if (config === undefined || config.errors.length > 0) return report(config?.errors ?? unreadable);

  // What tsc recorded of its output doesn't hold after a build, nor the reverse: each has a record of its own, and a build
  // removes tsc's. So tsc writes everything anew after a build, and a build after tsc.
  const { outDir, tsBuildInfoFile } = config.options;
  const digestFile = join(outDir, '.constants');
  const written = !existsSync(tsBuildInfoFile) && existsSync(digestFile) ? readFileSync(digestFile, 'utf8') : '';
  const options = { ...config.options, tsBuildInfoFile: `${tsBuildInfoFile}-build` };

  const host = ts.createIncrementalCompilerHost(options);
  let builder = ts.createIncrementalProgram({ rootNames: config.fileNames, options, host });
  const program = builder.getProgram();
  const constants = new Constants(program.getTypeChecker());
  const digest = digestOf(program, constants);
  if (digest !== written) {
    rmSync(digestFile, { force: true });
    builder = ts.createEmitAndSemanticDiagnosticsBuilderProgram(program, host);
  }
  const diagnostics = [
    ...builder.getOptionsDiagnostics(),
    ...builder.getSyntacticDiagnostics(),
    ...builder.getGlobalDiagnostics(),
    ...builder.getSemanticDiagnostics(),
  ];
  const transformers = { before: [inlineConstants(constants)] };
  const emitted = builder.emit(undefined, undefined, undefined, undefined, transformers);
  rmSync(tsBuildInfoFile, { force: true });
  writeFileSync(digestFile, digest);
  return report([...diagnostics, ...emitted.diagnostics]);
}

const { values } = parseArgs({ options: { project: { type: 'string', short: 'p', default: 'tsconfig.json' } } });
process.exitCode = build(values.project);
