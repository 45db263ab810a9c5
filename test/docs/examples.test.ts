// What a reader pastes runs: programs of pages as they stand, parts of programs behind what they take for granted, and commands.
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, matchesGlob } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'pathledger-examples-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const TRACER = `
const span = { spanContext: () => ({}), setAttributes() {}, setStatus() {}, end() {} }
export const trace = { getTracer: () => ({ startSpan: () => span }) }
`

/** The programs of a page. */
function programsOf(page: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8')
  return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, program]) => program!)
}

/** A folder in which `pathledger` is this checkout, and OpenTelemetry's API a tracer that does nothing. */
function workspace(name: string): string {
  const home = join(folder, name)
  for (const [of, text] of [
    ['pathledger', `export * from '${pathToFileURL(join(ROOT, 'index.ts')).href}'`],
    ['@opentelemetry/api', TRACER],
  ] as const) {
    mkdirSync(join(home, 'node_modules', of), { recursive: true })
    writeFileSync(
      join(home, 'node_modules', of, 'package.json'),
      JSON.stringify({ name: of, type: 'module', exports: './index.js' }),
    )
    writeFileSync(join(home, 'node_modules', of, 'index.js'), text)
  }
  writeFileSync(join(home, 'package.json'), '{ "type": "module" }')
  return home
}

describe.each(['docs/numa.md', 'docs/tracing.md'])('the programs of %s', (page) => {
  test.each(programsOf(page).map((program, at) => [at, program] as const))(
    'number %i runs as it stands',
    (at, program) => {
      const home = workspace(`${page.replaceAll('/', '-')}-${at}`)
      writeFileSync(join(home, 'program.ts'), program)
      const { status, stderr } = spawnSync(process.execPath, ['program.ts'], { cwd: home, encoding: 'utf8' })
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    },
  )
})

/** What the parts of programs on a page take for granted. */
const HEAD = `
import { writeFileSync } from 'node:fs'
import * as all from 'pathledger'
const { delayFilter, errorFilter, filePath, hangFilter, memoryLun, memoryPath, Multipath } = all
const { plainDevice, seededRandom, systemClock: clock, virtualLun } = all
writeFileSync('disk.img', Buffer.alloc(1024 * 1024))
const wwid = 'naa.600140505200a986f0043c9afa1fd077'
const open = (ledger) => Multipath.open({ ledger, multipath: 'always', lunFolder: 'luns' })
`
const FILTERED = `${HEAD}
const lun = memoryLun({ wwid, sizeBytes: 1024 * 1024 })
const inner = memoryPath(lun, { hctl: '0:0:0:0', clock, errorsAreFinal: false })
const [errno, status, ratePerMillion, count, range] = ['EIO', null, 1_000_000, null, null]
const [delayUs, op, active, random] = [1000, 'all', false, seededRandom(1)]
const [write, done] = [{ op: 'write', offset: 0, length: 4096, data: new Uint8Array(4096) }, () => {}]
`
/** Pages whose programs are parts: each is a block of its own behind this. */
const PARTS: Readonly<Record<string, string>> = {
  'docs/alua.md': `${HEAD}
const lun = virtualLun({ wwid })
const mp = await Multipath.open({ ledger: 'mp.ledger', multipath: 'off' })
process.once('beforeExit', () => mp.close())
`,
  'docs/reservations.md': `${HEAD}
const lun = virtualLun({ wwid })
const [mp, other] = [await open('mp.ledger'), await open('other.ledger')]
process.once('beforeExit', () => Promise.all([mp.close(), other.close()]))
await mp.addPath(await filePath('disk.img', { lun, hctl: '8:0:0:0' }))
await other.addPath(await filePath('disk.img', { lun, hctl: '9:0:0:0' }))
await other.head(wwid).reservations.register('0xb2')
const [cdb, dataOut] = [Uint8Array.of(0x5e, 0, 0, 0, 0, 0, 0, 1, 0, 0), new Uint8Array(0)]
`,
  'docs/filters/delay.md': FILTERED,
  'docs/filters/error.md': FILTERED,
  'docs/filters/hang.md': FILTERED,
}

test.each(Object.entries(PARTS))('the parts of programs on %s run', (page, before) => {
  const home = workspace(`parts-${page.replaceAll('/', '-')}`)
  const parts = programsOf(page).map((part) => `{\n${part}}\n`)
  expect(parts.length).toBeGreaterThan(0)
  writeFileSync(join(home, 'program.ts'), `${before}${parts.join('')}`)
  const { status, stderr } = spawnSync(process.execPath, ['program.ts'], { cwd: home, encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})

test('the commands for a signed head do what the README says', () => {
  const home = workspace('signed')
  writeFileSync(join(home, 'program.ts'), programsOf('docs/tracing.md')[0]!)
  const bin = join(ROOT, 'bin/pathledger.js')
  const shell = (line: string) => spawnSync('sh', ['-ec', line], { cwd: home, encoding: 'utf8' })
  const pathledger = `'${process.execPath}' '${bin}'`
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  for (const shape of ['head sign FILE --key K', 'head verify FILE --head SIGNED --key K.pub'])
    expect(readme).toContain(shape)
  expect(
    shell(`'${process.execPath}' program.ts
      ${pathledger} head keygen K
      ${pathledger} head sign mp.ledger --key K > SIGNED
      ${pathledger} head verify mp.ledger --head SIGNED --key K.pub`),
  ).toMatchObject({ status: 0 })
})

/** A shell in which `pathledger` is this checkout, `mp.ledger` a ledger with traced I/O, and FILE its name. */
function shellOf(
  name: string,
): (script: string) => { status: number | null; stdout: string; stderr: string } {
  const home = workspace(name)
  writeFileSync(join(home, 'program.ts'), programsOf('docs/tracing.md')[0]!)
  const made = spawnSync(process.execPath, ['program.ts'], { cwd: home, encoding: 'utf8' })
  expect(made.status).toBe(0)
  writeFileSync(join(home, 'sqlite3.js'), SQLITE3)
  const before = `pathledger() { '${process.execPath}' '${join(ROOT, 'bin/pathledger.js')}' "$@"; }
    sqlite3() { '${process.execPath}' sqlite3.js "$@"; }\n`
  return (script) => {
    const text = `${before}${script.replaceAll('FILE', 'mp.ledger')}`
    const { status, stdout, stderr } = spawnSync('sh', ['-ec', text], { cwd: home, encoding: 'utf8' })
    return { status, stdout, stderr }
  }
}

/** `sqlite3 -readonly FILE SQL` for machines that have no such command: rows as it prints them. */
const SQLITE3 = `
import { createRequire } from 'node:module'
const Database = createRequire('${join(ROOT, 'index.ts')}')('better-sqlite3')
const db = new Database(process.argv[3], { readonly: true })
for (const row of db.prepare(process.argv[4]).raw().all()) console.log(row.join('|'))
`

test('the commands of docs/ledger.md for sqlite3 run, and answer what it says', () => {
  const page = readFileSync(join(ROOT, 'docs/ledger.md'), 'utf8')
  const script = /^```sh\n(.*?)^```/ms.exec(page)![1]!
  const [head, gaps] = [script.indexOf('# Does it end'), script.indexOf('# Gaps')]
  const shell = shellOf('sqlite3')
  expect(shell(script)).toMatchObject({ status: 0, stderr: '' })
  expect(shell(script.slice(head, gaps)).stdout).toBe('1|1|1\n')
  expect(shell(script.slice(gaps)).stdout).toBe('ok\n')
})

test('the commands of docs/what-if.md run', () => {
  const page = readFileSync(join(ROOT, 'docs/what-if.md'), 'utf8')
  const commands = [...page.matchAll(/^\$ (pathledger .*)$/gm)].map(([, command]) => command!)
  expect(commands).toHaveLength(2)
  expect(shellOf('what-if')(commands.join('\n'))).toMatchObject({ status: 0, stderr: '' })
})

describe('the package', () => {
  const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] }
  const left = files.filter((name) => name.startsWith('!')).map((name) => name.slice(1))
  const ships = (file: string): boolean =>
    file === 'package.json' ||
    (files.some((name) => file === name || file.startsWith(`${name}/`)) &&
      !left.some((pattern) => matchesGlob(file, pattern)))

  test('leaves out what only developers need', () => {
    expect(left).toContain('docs/architecture.md')
    expect(left.filter((file) => globSync(file, { cwd: ROOT }).length === 0)).toEqual([])
  })

  test.each(globSync(['docs/**/*.md', '*.md'], { cwd: ROOT }).filter(ships))(
    'has what %s links to',
    (page) => {
      const text = readFileSync(join(ROOT, page), 'utf8').replaceAll(/^```.*?^```/gms, '')
      const links = [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)/g)].map(([, link]) =>
        join(dirname(page), link!),
      )
      expect(links.filter((link) => !ships(link))).toEqual([])
    },
  )
})
