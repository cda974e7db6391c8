/**
 * The build: tsc plus constant inlining. V8 folds a module's own constants into machine code, but loads imported ones
 * and object properties at every use, which slows down the packet path considerably. So the build inlines constants
 * into the JavaScript, as other compilers do:
 *
 *     if (protocol === IpProtocol.Udp) at += UDP_HEADER_LEN;   →   if (protocol === 17) at += 8;
 *
 * It inlines numbers and booleans: properties of this project's module-level `as const` objects, and exported
 * constants, in all modules. Declarations, exports and imports are unchanged.
 *
 * Usage: node build.js [-p TSCONFIG]
 *
 * Reports the same diagnostics as tsc, and exits with status 1 on any error. Plain `tsc -p tsconfig.json` builds the
 * same program without inlining.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import ts from 'typescript';

const { SyntaxKind } = ts;

/** Binary operators on numbers. */
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

/** Evaluates constant expressions. */
class Constants {
  #checker;
  /** Values by declaration; undefined if unknown, and during evaluation, which breaks cycles. */
  #values = new Map();

  constructor(checker) {
    this.#checker = checker;
  }

  /** The declaration of a name, if it is a module-level `const` of this project. */
  declarationOf(identifier) {
    let symbol = this.#checker.getSymbolAtLocation(identifier);
    if (symbol === undefined) return undefined;
    if (symbol.flags & ts.SymbolFlags.Alias) symbol = this.#checker.getAliasedSymbol(symbol);
    const declaration = symbol.valueDeclaration;
    return declaration !== undefined && isModuleConstant(declaration) ? declaration : undefined;
  }

  /** The value of a `const` declaration: a number, a boolean, or undefined if unknown. */
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

  /** The value of an expression of literals and constants, or undefined. */
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

  /** `layout.span`, `layout.offsetOf('name')`: readonly members whose type is a number literal. */
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

/** Strips parentheses and type-only syntax from an expression. */
function unwrap(expression) {
  let node = expression;
  while (ts.isAsExpression(node) || ts.isSatisfiesExpression(node) || ts.isParenthesizedExpression(node)) {
    node = node.expression;
  }
  return node;
}

/** The object literal of `{ … } as const`, if it has plain properties only. */
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

/** Whether a node is an expression whose value is read: not a declared or property name, nor an assignment target. */
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
  // The object of an access, or a callee.
  const isObject = ts.isLeftHandSideExpression(parent) && parent.expression === node;
  return !isObject || ts.isParenthesizedExpression(parent);
}

function literal(factory, value) {
  if (typeof value === 'boolean') return value ? factory.createTrue() : factory.createFalse();
  if (value >= 0) return factory.createNumericLiteral(value);
  const negative = factory.createPrefixUnaryExpression(SyntaxKind.MinusToken, factory.createNumericLiteral(-value));
  return factory.createParenthesizedExpression(negative);
}

/** Names that V8 loads at every use: a file's imports, and its exported constants. */
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

/** `export const …`, and `export let …`, whose values are unknown. */
function isExported(statement) {
  if (!ts.isVariableStatement(statement)) return false;
  return statement.modifiers?.some(({ kind }) => kind === SyntaxKind.ExportKeyword) === true;
}

/** Inlines the values of constants. */
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
 * A digest of this program and the constants that modules inline from one another. A change forces a full rebuild: with
 * `isolatedModules`, tsc doesn't recompile a file because of another.
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

/** Reports diagnostics as tsc does. Returns the exit status. */
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

/** Builds the project of a tsconfig file. Returns the exit status. */
function build(configFile) {
  const unreadable = [];
  const configHost = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (diagnostic) => unreadable.push(diagnostic) };
  const config = ts.getParsedCommandLineOfConfigFile(configFile, {}, configHost);
  if (config === undefined || config.errors.length > 0) return report(config?.errors ?? unreadable);

  // tsc's build info doesn't apply to this build's output, nor vice versa: each has its own, and a build removes tsc's.
  // So tsc rewrites everything after a build, and a build after tsc.
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
