// What a reader pastes runs: programs of pages as they stand, and the commands that the README shows for a signed head.
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
