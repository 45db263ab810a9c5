// "Injected, never reached for" (design.md): what would make a run more than a function of its inputs and its seed.
import ts from 'typescript'
import { PRODUCT_FOLDERS } from '../../scripts/structure/rooms.ts'
import { referencesOf } from './references.ts'
import { finding, isTypeScript, parse, walk, zoneOf } from './source.ts'
import type { Finding, Source } from './source.ts'

/** Programs at the top, where clock, environment and process come from; they hand them down. */
const MAY_REACH = ['cli']

type Ban =
  'arithmetic' | 'clock' | 'timer' | 'random' | 'process' | 'locale' | 'finalizer' | 'state' | 'world'

const INSTEAD: Readonly<Record<Ban, string>> = {
  arithmetic: 'its bits differ between Node versions: use integers, shifts and a table',
  clock: 'take the Clock port (adapters/ports.ts): wallUs() or monoUs()',
  timer: 'take the Clock port (adapters/ports.ts): setTimer()',
  random: 'take the Random or the NewId port (adapters/ports.ts)',
  process: 'take it as an argument from the caller',
  locale: "compare code units (a < b) and print figures plainly: the reader's locale is not an input",
  finalizer: 'nothing may depend on the garbage collector: end lifetimes explicitly',
  state: 'module state outlives a run: keep it in an object that the run owns',
  world: 'only store/ and adapters/ touch the world: take a port instead',
}

const WATCHED = PRODUCT_FOLDERS.filter((house) => !MAY_REACH.includes(house))

interface Exception {
  readonly files: RegExp
  readonly bans: readonly Ban[]
  readonly why: string
}

/** Where the real thing is wrapped, or where no decision is taken. */
const EXCEPTIONS: readonly Exception[] = [
  { files: /^adapters\/system\.ts$/, bans: ['clock', 'timer', 'random'], why: 'the real clock, random, ids' },
  {
    files: /^adapters\/pid\.ts$/,
    bans: ['process'],
    why: 'the number of this process, a fact for the ledger; and whose it is, for where it keeps what is the machine’s',
  },
  {
    files: /^adapters\/sources\/zones\.ts$/,
    bans: ['clock', 'locale'],
    why: 'offsets of time zones, which only the runtime knows; it reads no clock',
  },
  { files: /^store\/sql\/ask\.ts$/, bans: ['process'], why: 'the process that it starts ends with this one' },
  { files: /^store\/file\/lock\.ts$/, bans: ['process'], why: 'a lock names its holder' },
  {
    files: /^store\/.*worker.*\.ts$/,
    bans: ['clock', 'timer', 'process'],
    why: 'a thread of its own; decides nothing',
  },
  {
    files: /^adapters\/(child\/spawn|helper\/main)\.ts$/,
    bans: ['process'],
    why: 'starts a process with the environment of its parent, and watches for the death of that parent; decides nothing',
  },
  {
    files: /^adapters\/loop\//,
    bans: ['clock', 'timer', 'process'],
    why: 'waits for the kernel; decides nothing',
  },
]

/** What a decision may use of Math: exact on every machine. */
const EXACT_MATH = new Set('abs ceil clz32 floor fround imul max min round sign sqrt trunc'.split(' '))

const GLOBALS: ReadonlyMap<string, Ban> = new Map([
  ['Date', 'clock'],
  ['performance', 'clock'],
  ['setTimeout', 'timer'],
  ['setInterval', 'timer'],
  ['setImmediate', 'timer'],
  ['Intl', 'locale'],
  ['WeakRef', 'finalizer'],
  ['FinalizationRegistry', 'finalizer'],
])

/** Members of one object; 'import' stands for every named import. */
const MEMBERS: Readonly<Record<string, ReadonlyMap<string, Ban>>> = {
  process: new Map([
    ['nextTick', 'timer'],
    ['hrtime', 'clock'],
    ['uptime', 'clock'],
    ['pid', 'process'],
    ['ppid', 'process'],
    ['cwd', 'process'],
    ['env', 'process'],
  ]),
  AbortSignal: new Map([['timeout', 'timer']]),
  os: new Map([['hostname', 'process']]),
  import: new Map([['hostname', 'process']]),
  globalThis: GLOBALS,
}

/** Members whatever the object is. */
const ANYWHERE: ReadonlyMap<string, Ban> = new Map([
  ['randomUUID', 'random'],
  ['randomBytes', 'random'],
  ['randomInt', 'random'],
  ['randomFillSync', 'random'],
  ['getRandomValues', 'random'],
  ['subtle', 'random'],
  ['webcrypto', 'random'],
  ['localeCompare', 'locale'],
])

interface BannedModule {
  readonly name: RegExp
  readonly ban: Ban
  readonly zones: readonly string[]
}

const MODULES: readonly BannedModule[] = [
  { name: /^(node:)?timers(\/|$)/, ban: 'timer', zones: WATCHED },
  { name: /^(node:)?perf_hooks$/, ban: 'clock', zones: WATCHED },
  { name: /^(node:)?process$/, ban: 'process', zones: WATCHED },
  {
    name: /^(node:)?(fs|stream|worker_threads|child_process|net|os)(\/|$)/,
    ban: 'world',
    zones: ['machines', 'engine', 'simulation', 'what-if', 'foreign', 'doors'],
  },
]

/** (b) Things that decisions must be given and must not reach for. */
export function bannedCalls(source: Source): Finding[] {
  const zone = zoneOf(source.path)
  if (!isTypeScript(source) || !WATCHED.includes(zone)) return []
  const found: Finding[] = []
  const report = (node: ts.Node, what: string, ban: Ban): void => {
    if (!excepted(source.path, ban)) found.push(finding(node, `uses ${what}: ${INSTEAD[ban]}`))
  }

  for (const { node, specifier } of referencesOf(source)) {
    const banned = MODULES.find(({ name, zones }) => zones.includes(zone) && name.test(specifier))
    if (banned !== undefined) report(node, `the module ${specifier}`, banned.ban)
  }
  walk(parse(source), (node) => {
    const hit = bannedOperator(node) ?? bannedName(node) ?? mutableState(node)
    if (hit !== null) report(node, hit.what, hit.ban)
  })
  return found
}

function excepted(path: string, ban: Ban): boolean {
  return EXCEPTIONS.some(({ files, bans }) => files.test(path) && bans.includes(ban))
}

interface Hit {
  readonly what: string
  readonly ban: Ban
}

function bannedOperator(node: ts.Node): Hit | null {
  const power =
    node.kind === ts.SyntaxKind.AsteriskAsteriskToken ||
    node.kind === ts.SyntaxKind.AsteriskAsteriskEqualsToken
  return power ? { what: '**', ban: 'arithmetic' } : null
}

function bannedName(node: ts.Node): Hit | null {
  if (!ts.isIdentifier(node) || inTypePosition(node) || isKey(node)) return null
  const owner = ownerOf(node)
  if (owner !== null) return bannedMember(owner, node.text)
  if (node.text === 'Math') return handedOn(node, 'arithmetic')
  if (node.text === 'process') return handedOn(node, 'process')
  return lookUp(GLOBALS, node.text, node.text)
}

function bannedMember(owner: string, name: string): Hit | null {
  const what = owner === 'import' ? name : `${owner}.${name}`
  if (owner === 'Math') return bannedMath(name)
  if (name.startsWith('toLocale')) return { what, ban: 'locale' }
  return lookUp(MEMBERS[owner] ?? ANYWHERE, name, what) ?? lookUp(ANYWHERE, name, what)
}

function bannedMath(name: string): Hit | null {
  if (EXACT_MATH.has(name)) return null
  return { what: `Math.${name}`, ban: name === 'random' ? 'random' : 'arithmetic' }
}

/** An object passed on as a whole: which of its members is used cannot be seen. */
function handedOn(node: ts.Identifier, ban: Ban): Hit | null {
  const dotted = ts.isPropertyAccessExpression(node.parent) && node.parent.expression === node
  return dotted ? null : { what: `${node.text} as a value`, ban }
}

function lookUp(table: ReadonlyMap<string, Ban>, name: string, what: string): Hit | null {
  const ban = table.get(name)
  return ban === undefined ? null : { what, ban }
}

/** The object, as text, whose member an identifier names; null for an identifier that stands for itself. */
function ownerOf(node: ts.Identifier): string | null {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
    return parent.expression.getText().replace(/^globalThis\./, '')
  }
  return ts.isImportSpecifier(parent) ? 'import' : null
}

/** The name of a field or a method of our own: it names, it does not use. */
function isKey(node: ts.Identifier): boolean {
  const { parent } = node
  const declares =
    ts.isPropertyAssignment(parent) ||
    ts.isPropertyDeclaration(parent) ||
    ts.isMethodDeclaration(parent) ||
    ts.isAccessor(parent)
  return declares && parent.name === node
}

function inTypePosition(node: ts.Node): boolean {
  for (let at = node.parent; !ts.isSourceFile(at); at = at.parent) {
    if (ts.isExpressionWithTypeArguments(at)) return false
    if (ts.isTypeNode(at) || ts.isInterfaceDeclaration(at)) return true
  }
  return false
}

function mutableState(node: ts.Node): Hit | null {
  if (ts.isVariableStatement(node) && ts.isSourceFile(node.parent)) {
    const constant = (node.declarationList.flags & ts.NodeFlags.Const) !== 0
    const makesNothing = hasModifier(node, ts.SyntaxKind.DeclareKeyword)
    return constant || makesNothing ? null : { what: 'a module-level let or var', ban: 'state' }
  }
  if (!ts.isPropertyDeclaration(node)) return null
  const mutable =
    hasModifier(node, ts.SyntaxKind.StaticKeyword) && !hasModifier(node, ts.SyntaxKind.ReadonlyKeyword)
  return mutable ? { what: 'a static field that can change', ban: 'state' } : null
}

function hasModifier(node: ts.VariableStatement | ts.PropertyDeclaration, kind: ts.SyntaxKind): boolean {
  return node.modifiers?.some((modifier) => modifier.kind === kind) ?? false
}
