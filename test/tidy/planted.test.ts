// A test that cannot fail is a defect: each tidy rule is shown what it must find, and what it must leave alone.
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { bannedCalls } from './bans.ts'
import { filtersWithoutPage, machineNames, undocumentedExports } from './documents.ts'
import { unexplainedScenarios } from './explained.ts'
import { hiddenImports } from './hidden-imports.ts'
import { circles, deadFiles, importDirections, strayFiles } from './imports.ts'
import { leftovers } from './leftovers.ts'
import { oversize } from './size.ts'
import { rooms } from '../../scripts/structure/rooms.ts'
import type { Finding, Source } from './source.ts'

type Rule = (source: Source) => Finding[]

/** A file in every room there is. */
const ROOMS_FILLED = rooms().map((room) => (room.endsWith('.ts') ? room : `${room}/a.ts`))

function expectFound(
  rule: Rule,
  cases: readonly (readonly [path: string, text: string, says: string])[],
): void {
  for (const [path, text, says] of cases) {
    it(`finds in ${path}: ${shortly(text)}`, () => {
      const found = rule({ path, text })
      expect(found).toHaveLength(1)
      expect(found[0]).toContain(path)
      expect(found[0]).toContain(says)
    })
  }
}

function expectClean(rule: Rule, cases: readonly (readonly [path: string, text: string])[]): void {
  for (const [path, text] of cases) {
    it(`leaves alone in ${path}: ${shortly(text)}`, () => {
      expect(rule({ path, text })).toEqual([])
    })
  }
}

/** The beginning of a source, on one line: enough for a title. */
function shortly(text: string): string {
  return text.replaceAll('\n', ' ').slice(0, 80)
}

describe('import directions', () => {
  expectFound(importDirections, [
    ['machines/a.ts', "import { b } from '../engine/b.ts'", 'machines may import machines, errors'],
    ['machines/a.ts', "import type { Clock } from '../adapters/ports.ts'", 'adapters/ports.ts'],
    ['machines/a.ts', "import { readFileSync } from 'node:fs'", 'package node:fs'],
    ['machines/a.ts', "import pino from 'pino'", 'package pino'],
    ['errors.ts', "import { b } from './index.ts'", 'errors may import nothing'],
    ['errors.ts', "import { z } from 'zod'", 'package zod'],
    ['store/a.ts', "import { select } from '../engine/select.ts'", 'engine/select.ts'],
    ['store/a.ts', "import { systemClock } from '../adapters/system.ts'", 'adapters/system.ts'],
    ['store/a.ts', "import { clock } from '../adapters/ports.ts'", 'import type'],
    ['adapters/a.ts', "import { isDisabled } from '../machines/predicates.ts'", 'import type'],
    ['adapters/a.ts', "import { type Word } from '../machines/words.ts'", 'import type'],
    ['adapters/loop/a.ts', "export { open } from '../../store/open.ts'", 'store/open.ts'],
    ['engine/a.ts', "import { main } from '../cli/main.ts'", 'cli/main.ts'],
    ['engine/a.ts', "import { Multipath } from '../index.ts'", 'index.ts'],
    ['engine/simulation/a.ts', "import { run } from '../../bench/vectors.ts'", 'bench/vectors.ts'],
    ['cli/a.ts', "import { head } from '../engine/head.ts'", 'import type'],
    ['cli/a.ts', "const { head } = await import('../engine/head.ts')", 'import type'],
    ['cli/a.ts', "import type { Row } from '../test/rows.ts'", 'test/rows.ts'],
    ['index.ts', "export * from './cli/main.ts'", 'cli/main.ts'],
    ['store/a.ts', "new Worker(new URL('../engine/worker.ts', import.meta.url))", 'engine/worker.ts'],
    [
      'simulation/a.ts',
      "import { whatIf } from '../what-if/what-if.ts'",
      'simulation may import simulation, engine',
    ],
    [
      'foreign/rules/a.ts',
      "import { Multipath } from '../../engine/multipath.ts'",
      'foreign may import foreign, store',
    ],
    ['page/a.ts', "import { foldAll } from '../store/state/fold.ts'", 'page may import page, index, doors'],
    ['fleet/a.ts', "import { spawn } from '../adapters/child/spawn.ts'", 'adapters/child/spawn.ts'],
    ['engine/a.ts', "import { serve } from '../daemon/serve.ts'", 'daemon/serve.ts'],
    // Inside a house, by the floors of its rooms.
    ['engine/lun/a.ts', "import { submitBio } from '../io/dispatch.ts'", 'engine/io stands above engine/lun'],
    [
      'engine/core/a.ts',
      "import type { HeadRuntime } from '../heads/runtime.ts'",
      'a room imports lower ones only',
    ],
    [
      'engine/io/a.ts',
      "import { Multipath } from '../multipath.ts'",
      'engine/multipath.ts stands above engine/io',
    ],
    [
      'store/read/a.ts',
      "import { verifyLedger } from '../verify/verify.ts'",
      'store/verify stands beside store/read',
    ],
    [
      'machines/lun/a.ts',
      "import { path } from '../path/path.ts'",
      'machines/path stands beside machines/lun',
    ],
    [
      'adapters/uring/a.ts',
      "const { filePath } = await import('../paths/file-path.ts')",
      'adapters/paths stands above',
    ],
    ['cli/show/a.ts', "export * from '../verbs/show.ts'", 'cli/verbs stands above cli/show'],
    ['simulation/world/a.ts', "let deed: import('../deeds/script.ts').Deed", 'simulation/deeds stands above'],
  ])
  expectClean(importDirections, [
    ['cli/log.ts', "import { Multipath } from '../index.ts'"],
    ['cli/log.ts', "import type { Head } from '../engine/head.ts'"],
    ['index.ts', "export { Multipath } from './engine/multipath.ts'"],
    ['engine/simulation/a.ts', "import { memoryPath } from '../../adapters/memory.ts'"],
    ['store/fold.ts', "import { step } from '../machines/step.ts'"],
    ['store/a.ts', "import type { Clock } from '../adapters/ports.ts'"],
    ['adapters/a.ts', "import type { IoOp } from '../machines/words.ts'"],
    ['adapters/a.ts', "let op: import('../machines/words.ts').IoOp"],
    ['machines/a.ts', "import { setup } from 'xstate'"],
    ['test/a.test.ts', "import { run } from '../bench/vectors.ts'"],
    ['engine/io/a.ts', "import { park } from './waiting.ts'"],
    ['engine/io/a.ts', "import type { Ghost } from '../lun/ghosts.ts'"],
    ['adapters/child/a.ts', "spawn(new URL('../helper/main.ts', import.meta.url))"],
    ['daemon/a.ts', "import { Multipath } from '../engine/multipath.ts'"],
  ])
})

describe('imports that hide', () => {
  expectFound(hiddenImports, [
    ['engine/core/a.ts', "const up = '../health/verdict.ts'; await import(up)", 'works out'],
    ['engine/core/a.ts', "await import('../health/' + 'verdict.ts')", 'works out'],
    ['engine/core/a.ts', 'await import(`../health/${name}.ts`)', 'works out'],
    ['engine/core/a.ts', "await import(new URL('../health/verdict.ts', import.meta.url).href)", 'works out'],
    ['engine/core/a.ts', "await import(import.meta.resolve('../health/verdict.ts'))", 'works out'],
    ['engine/core/a.ts', 'const load = createRequire(import.meta.url)', 'makes a way to load files'],
    ['engine/core/a.ts', 'module.require(name)', 'works out'],
    ['engine/core/a.ts', "import verdict = require('../health/verdict.ts')", 'by require'],
    ['engine/core/a.ts', "import { Multipath } from 'pathledger'", 'this package itself'],
    ['store/a.ts', "import type { Audit } from 'pathledger/audit'", 'this package itself'],
    ['engine/core/a.ts', "import { one } from '/opt/one.ts'", 'by where it lies'],
    ['engine/core/a.ts', "import { one } from 'file:///opt/one.ts'", 'by where it lies'],
    ['engine/core/a.ts', "import { one } from './one'", 'without its ending'],
    ['engine/core/a.ts', "declare module '../health/verdict.ts' { interface One {} }", 'from outside'],
    ['engine/core/a.ts', '/// <reference path="../health/verdict.ts" />', 'reference comment'],
  ])
  expectClean(hiddenImports, [
    ['engine/core/a.ts', "await import('./core.ts')"],
    ['engine/core/a.ts', "import { z } from 'zod'"],
    ['adapters/child/a.ts', "spawn(new URL('../helper/main.ts', import.meta.url))"],
    ['test/a.ts', 'await import(file)'],
  ])
})

describe('rooms', () => {
  it('finds a file that stands in no room', () => {
    const found = strayFiles([...ROOMS_FILLED, 'engine/new.ts', 'store/newer/a.ts'])
    expect(found).toHaveLength(2)
    expect(found[0]).toContain('engine/new.ts stands in no room')
    expect(found[1]).toContain('add store/newer and what it is for')
  })

  it('finds code that stands in no house, and files that no rule would look into', () => {
    const strays = ['widgets/a.ts', 'helpers.ts', 'engine/core/a.js', 'store/read/a.mts']
    const found = strayFiles([...ROOMS_FILLED, ...strays])
    for (const path of strays) expect(found.filter((line) => line.startsWith(`${path} `))).toHaveLength(1)
  })

  it('finds a room on the list that is not there', () => {
    const found = strayFiles(ROOMS_FILLED.filter((path) => path !== 'engine/io/a.ts'))
    expect(found).toEqual([expect.stringContaining('engine/io is on the list of rooms and not there')])
  })

  it('leaves alone what stands in its room, what is coming, and houses without rooms', () => {
    expect(
      strayFiles([...ROOMS_FILLED, 'fleet/a.ts', 'adapters/nbd/a.ts', 'test/a.ts', 'store/lun/a.sql']),
    ).toEqual([])
  })
})

describe('circles', () => {
  const circlesIn = (files: Readonly<Record<string, string>>): Finding[] =>
    circles(Object.entries(files).map(([path, text]) => ({ path, text })))

  it('finds two files that import each other, though only types', () => {
    const found = circlesIn({
      'engine/io/a.ts': "import type { B } from './b.ts'",
      'engine/io/b.ts': "export type A = import('./a.ts').A",
    })
    expect(found).toHaveLength(1)
    expect(found[0]).toContain('engine/io/a.ts imports itself by way of engine/io/b.ts -> engine/io/a.ts')
    expect(found[0]).toContain('no file imports in a circle, types included')
  })

  it('finds a long way round, through exports and houses, and each circle once', () => {
    const found = circlesIn({
      'store/a.ts': "export * from './b.ts'",
      'store/b.ts': "import '../machines/c.ts'",
      'machines/c.ts': "import { a } from '../store/a.ts'\nimport { d } from './d.ts'",
      'machines/d.ts': '',
      'cli/x.ts': "import { y } from './y.ts'",
      'cli/y.ts': "const { x } = await import('./x.ts')",
    })
    expect(found.map((sentence) => sentence.split(':')[0])).toEqual([
      'machines/c.ts imports itself by way of store/a.ts -> store/b.ts -> machines/c.ts',
      'cli/x.ts imports itself by way of cli/y.ts -> cli/x.ts',
    ])
  })

  it('leaves alone a diamond, the thread that a file starts, and what is not of the product', () => {
    const found = circlesIn({
      'engine/a.ts': "import './b.ts'\nimport './c.ts'",
      'engine/b.ts': "import './d.ts'",
      'engine/c.ts': "import './d.ts'",
      'engine/d.ts': '',
      'store/file.ts': "new Worker(new URL('./worker.ts', import.meta.url))",
      'store/worker.ts': "import type { Wire } from './file.ts'",
      'test/a.ts': "import './b.ts'",
      'test/b.ts': "import './a.ts'",
    })
    expect(found).toEqual([])
  })
})

describe('bans', () => {
  expectFound(bannedCalls, [
    ['machines/a.ts', 'export const a = Math.pow(2, 8)', 'Math.pow: its bits differ'],
    ['machines/a.ts', 'export const a = 2 ** 8', '**'],
    ['machines/a.ts', 'export const f = (a: number) => (a **= 2)', '**'],
    ['engine/a.ts', 'export const a = Math.log2(8)', 'Math.log2'],
    ['engine/a.ts', 'const { sin } = Math', 'Math as a value'],
    ['engine/a.ts', 'const a = globalThis.Math.exp(1)', 'Math.exp'],
    ['engine/a.ts', 'const a = Math.random()', 'Random'],
    ['engine/a.ts', 'let attempts = 0', 'module state'],
    ['engine/a.ts', 'export var attempts = 0', 'module state'],
    ['engine/a.ts', 'class A { static next = 0 }', 'static field'],
    ['engine/a.ts', 'const at = Date.now()', 'Clock'],
    ['store/a.ts', 'const at = new Date()', 'Clock'],
    ['adapters/a.ts', 'const at = performance.now()', 'Clock'],
    ['adapters/a.ts', 'const at = process.hrtime.bigint()', 'Clock'],
    ['adapters/a.ts', 'setTimeout(() => {}, 5)', 'setTimer()'],
    ['adapters/a.ts', 'globalThis.setInterval(() => {}, 5)', 'setTimer()'],
    ['engine/a.ts', 'export const ports = { setImmediate }', 'setTimer()'],
    ['engine/a.ts', 'process.nextTick(() => {})', 'setTimer()'],
    ['engine/a.ts', 'const signal = AbortSignal.timeout(5)', 'setTimer()'],
    ['engine/a.ts', "import { setTimeout as sleep } from 'node:timers/promises'", 'setTimer()'],
    ['engine/a.ts', "import { randomUUID } from 'node:crypto'", 'NewId'],
    ['engine/a.ts', 'const id = crypto.randomUUID()', 'NewId'],
    ['store/a.ts', "const hash = await crypto.subtle.digest('SHA-256', data)", 'crypto.subtle'],
    ['store/a.ts', 'const seen = new WeakRef(thing)', 'garbage collector'],
    ['store/a.ts', 'const seen = new FinalizationRegistry(forget)', 'garbage collector'],
    ['store/a.ts', 'const { pid } = process', 'from the caller'],
    ['store/a.ts', 'const pid = process.pid', 'from the caller'],
    ['engine/a.ts', 'const root = process.cwd()', 'from the caller'],
    ['engine/a.ts', 'const debug = process.env.DEBUG', 'from the caller'],
    ['engine/a.ts', "import { env } from 'node:process'", 'from the caller'],
    ['engine/a.ts', "import os from 'node:os'", 'module node:os'],
    ['store/a.ts', "import { hostname } from 'node:os'", 'from the caller'],
    ['engine/a.ts', 'names.sort((a, b) => a.localeCompare(b))', 'code units'],
    ['engine/a.ts', 'const text = (5).toLocaleString()', 'code units'],
    ['engine/a.ts', "const text = new Intl.NumberFormat('en')", 'code units'],
    ['machines/a.ts', "import { readFileSync } from 'node:fs'", 'take a port'],
    ['engine/a.ts', "import { open } from 'node:fs/promises'", 'take a port'],
    ['engine/a.ts', "import { Worker } from 'node:worker_threads'", 'take a port'],
    // An exception covers its own ban and no other.
    ['store/file/lock.ts', 'const at = Date.now()', 'Clock'],
    ['adapters/system.ts', 'const root = process.cwd()', 'from the caller'],
  ])
  expectClean(bannedCalls, [
    ['engine/a.ts', 'export const a = Math.max(1, Math.floor(b / 2))'],
    ['engine/a.ts', 'function f() { let attempts = 0; return ++attempts }'],
    ['engine/a.ts', 'class A { static readonly none = new A() }'],
    ['engine/a.ts', 'declare var WebAssembly: { Memory: unknown }'],
    ['engine/a.ts', 'interface Times { performance: number; Date: Date }'],
    ['engine/a.ts', '// Date.now() and 2 ** 8 are banned here\nexport const a = "Math.pow"'],
    ['engine/a.ts', "import { createHash } from 'node:crypto'"],
    ['store/a.ts', "import { openSync } from 'node:fs'"],
    ['store/a.ts', 'const row = { hostname: lock.hostname }'],
    ['store/file/lock.ts', 'const pid = process.pid'],
    ['store/writer-worker.ts', 'const at = performance.now()'],
    ['adapters/system.ts', 'const at = Date.now(); setTimeout(fire, 5); const id = crypto.randomUUID()'],
    ['cli/a.ts', 'const at = Date.now()'],
    ['test/a.test.ts', 'let at = Date.now()'],
  ])
})

describe('size', () => {
  const lines = (count: number): string => 'export {}\n'.repeat(count)
  const functionOf = (count: number): string => `function f() {\n${'  g()\n'.repeat(count - 2)}}\n`

  expectFound(oversize, [
    ['engine/a.ts', lines(401), 'has 401 lines'],
    ['test/a.test.ts', lines(601), 'has 601 lines'],
    ['engine/a.ts', functionOf(81), 'function of 81 lines'],
    ['engine/a.ts', `const f = () => {\n${'  g()\n'.repeat(79)}}\n`, 'function of 81 lines'],
    ['engine/a.ts', `class A {\n${functionOf(81).replace('function ', '')}}\n`, 'function of 81 lines'],
  ])
  expectClean(oversize, [
    ['engine/a.ts', lines(400)],
    ['engine/a.ts', functionOf(80)],
    ['test/a.test.ts', functionOf(300)],
    ['docs/a.md', lines(1000)],
  ])
})

describe('leftovers', () => {
  // Put together, so that this file is not a finding itself.
  const todo = 'TO' + 'DO'

  expectFound(leftovers, [
    ['engine/a.ts', `// ${todo}: later`, `says ${todo}`],
    ['docs/a.md', `A paragraph. ${'FIX' + 'ME'}`, 'do it'],
    ['store/a.sql', `-- ${'XX' + 'X'} what is this`, 'do it'],
    ['README.md', `A ${'HA' + 'CK'}`, 'do it'],
    ['engine/a.ts', "console.log('here')", 'logger'],
    ['test/a.test.ts', "console.error('here')", 'logger'],
    ['engine/a.ts', 'debugger', 'debugger'],
    ['test/a.test.ts', "it.only('runs alone', () => {})", 'it.only'],
    ['test/a.test.ts', "describe.skip('runs never', () => {})", 'describe.skip'],
    ['test/a.test.ts', "test.concurrent.skip('runs never', () => {})", 'test.concurrent.skip'],
  ])
  expectClean(leftovers, [
    ['engine/a.ts', "const error = { todo: 'Attach it again.', temporary: 'XXXXXX' }"],
    ['cli/a.ts', "console.log('events: 5')"],
    ['test/a.test.ts', "it.runIf(isRoot)('attaches', () => {})"],
    ['engine/a.ts', 'reader.skip(5)'],
  ])
})

describe('dead files', () => {
  const tree = (files: Readonly<Record<string, string>>): Finding[] =>
    deadFiles(Object.entries(files).map(([path, text]) => ({ path, text })))

  it('finds what nothing reaches, though a test or another dead file imports it', () => {
    const found = tree({
      'index.ts': "export { a } from './engine/a.ts'",
      'engine/a.ts': 'export const a = 1',
      'engine/dead.ts': "import './alsoDead.ts'",
      'engine/alsoDead.ts': "import './dead.ts'",
      'test/dead.test.ts': "import '../engine/dead.ts'",
    })
    expect(found).toHaveLength(2)
    expect(found.join()).toContain('engine/dead.ts')
    expect(found.join()).toContain('engine/alsoDead.ts')
  })

  it('follows imports, types, workers and scripts', () => {
    const found = tree({
      'index.ts': "export type { A } from './engine/a.ts'\nexport * from './store/open.ts'",
      'engine/a.ts': "export type A = import('./b.ts').B",
      'engine/b.ts': 'export type B = 1',
      'store/open.ts': "new Worker(new URL(built ? './worker.js' : './worker.ts', import.meta.url))",
      'store/worker.ts': 'const url = new URL(`./helper.${ending}`, import.meta.url)',
      'store/helper.ts': "await import('./late.ts')",
      'store/late.ts': '',
      'scripts/diagrams.ts': "import '../machines/diagram.ts'",
      'machines/diagram.ts': '',
      'cli/main.ts': "import './log.ts'",
      'cli/log.ts': '',
      'engine/globals.d.ts': 'declare const global: 1',
    })
    expect(found).toEqual([])
  })
})

describe('public names', () => {
  const documentsOf = (files: Readonly<Record<string, string>>): Finding[] => {
    const host: ts.CompilerHost = {
      ...ts.createCompilerHost({}, true),
      fileExists: (name) => name in files,
      directoryExists: () => true,
      readFile: (name) => files[name],
      getCurrentDirectory: () => '/',
      getSourceFile: (name, target) => {
        const text = files[name]
        return text === undefined ? undefined : ts.createSourceFile(name, text, target, true)
      },
    }
    return undocumentedExports('/index.ts', host)
  }

  it('finds an export without a docstring, through every kind of re-export', () => {
    const found = documentsOf({
      '/index.ts': "export { bare as renamed } from './a.ts'\nexport * from './b.ts'\nexport const here = 1",
      '/a.ts': '// Not a docstring.\nexport function bare(): void {}',
      '/b.ts': "export type { Bare } from './c.ts'",
      '/c.ts': 'export interface Bare { a: 1 }',
    })
    expect(found.map((sentence) => sentence.split(' ')[0]).sort()).toEqual(['Bare', 'here', 'renamed'])
    expect(found.join()).toContain('/c.ts')
  })

  it('finds an export that is declared nowhere, and an entry that is not there', () => {
    expect(documentsOf({ '/index.ts': "export { gone } from './gone.ts'" })).toHaveLength(1)
    expect(documentsOf({})).toHaveLength(1)
  })

  it('leaves documented exports alone', () => {
    const found = documentsOf({
      '/index.ts': "export { f, type T } from './a.ts'\nexport { schema } from './a.ts'",
      '/a.ts':
        '/** F. */\nexport function f() {}\n/** T. */\nexport type T = 1\n/** S. */\nexport const schema = 1',
    })
    expect(found).toEqual([])
  })
})

describe('pages of filters', () => {
  it('finds a filter without a page', () => {
    const found = filtersWithoutPage(['adapters/filters/hang.ts', 'docs/filters/delay.md'])
    expect(found).toEqual(['adapters/filters/hang.ts has no page: write docs/filters/hang.md'])
  })

  it('leaves filters with a page alone, and wrap.ts, which is none', () => {
    const paths = ['adapters/filters/hang.ts', 'docs/filters/hang.md', 'adapters/filters/wrap.ts']
    expect(filtersWithoutPage(paths)).toEqual([])
  })
})

describe('names of one machine', () => {
  const privateNames = [
    '/wo' + 'rk/main',
    'x/.lib' + 'rary/README.md',
    'fa' + 'rm-studio',
    '/ro' + 'ot/x',
    '/ho' + 'me/me/x',
  ]

  expectFound(
    machineNames,
    privateNames.map((name) => ['docs/a.md', `See \`${name}\`.`, 'one machine only'] as const),
  )
  expectClean(machineNames, [
    ['docs/a.md', 'See `../shared/vectors`, `/dev/loop0`, `/srv/lun.img` and https://example.org/work/a.'],
    ['adapters/koffi.ts', 'const fd = this.library.open(path); const farm = 5'],
  ])
})

describe('scenarios that ask explain', () => {
  const fault = "test('scenario 3: it fails', () => { inject() })"
  expectFound(unexplainedScenarios, [
    ['test/a.test.ts', fault, 'no test of scenario 3'],
    ['test/a.test.ts', "test.each([1])('scenario 19b: %i', () => {})", 'no test of scenario 19b'],
    ['test/a.test.ts', `${fault}\ntest('scenario 4: x', () => expectExplained(a))`, 'no test of scenario 3'],
    [
      'test/scenarios/10-quantum.test.ts',
      "test('scenario 10: x', () => expectExplained(a))",
      'take it off the list',
    ],
  ])
  expectClean(unexplainedScenarios, [
    ['test/a.test.ts', `${fault}\ntest('scenario 3: and is told', () => expectExplained(a))`],
    [
      'test/a.test.ts',
      "function end() { rig.explains(a) }\nconst last = () => end()\ntest('scenario 3: x', () => last())",
    ],
    ['test/a.test.ts', "test('of scenario 3 nothing', () => {})"],
    ['test/scenarios/10-quantum.test.ts', "test('scenario 10: x', () => {})"],
  ])
})
