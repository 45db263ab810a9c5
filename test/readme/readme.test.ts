// What the README says must work: its program is run as it stands, its links lead somewhere, its verbs exist.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { documentIn, run } from '../cli/harness.ts'

const ROOT = join(import.meta.dirname, '../..')
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')

const folder = mkdtempSync(join(tmpdir(), 'pathledger-readme-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The fenced blocks of one language. */
function blocks(language: string): string[] {
  return [...README.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, text]) => text!)
}

describe('the first program', () => {
  const [program, ...others] = blocks('ts')

  test('is one, of less than 20 lines', () => {
    expect(others).toEqual([])
    expect(program!.trimEnd().split('\n').length).toBeLessThan(20)
  })

  test('runs, says what the README says, and leaves a ledger that tells of the failover', async () => {
    const index = pathToFileURL(join(ROOT, 'index.ts')).href
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(folder, 'first.ts'), program!.replace("'pathledger'", `'${index}'`))
    const { status, stdout, stderr } = spawnSync(process.execPath, ['first.ts'], {
      cwd: folder,
      encoding: 'utf8',
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(README).toContain(`It prints \`${stdout.trim()}\``)

    const ledger = join(folder, 'mp.ledger')
    expect(documentIn(await run('verify', ledger, '--json'))).toMatchObject({ chain: 'ok', replay: 'equal' })
    const failed = await run('log', ledger, '--type', 'path.failed', '--json')
    expect(JSON.parse(failed.stdout).data.first).toMatchObject({ errno: 'EIO', op: 'write', offset: 0 })
  })
})

describe('the README', () => {
  test('names two commands that a newcomer needs, and they exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    expect(blocks('sh')).toEqual(['npm ci && npm run demo\nnpm ci && npm test\n'])
    expect(scripts).toMatchObject({ demo: expect.any(String), test: expect.any(String) })
  })

  test('links to files that are there', () => {
    const links = [...README.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => link!)
    expect(links.length).toBeGreaterThan(0)
    expect(links.filter((link) => !existsSync(join(ROOT, link)))).toEqual([])
  })

  test('begins its list of pages with safety', () => {
    const list = README.slice(README.indexOf('## Read on'))
    expect(/^- \[[^\]]+\]\(([^)]+)\)/m.exec(list)?.[1]).toBe('docs/safety.md')
  })

  test('names every verb of the command, and no other', async () => {
    const { stdout } = await run('--help')
    const verbs = [...stdout.split('\nCommands:\n')[1]!.matchAll(/^ {2}(\w[\w-]*)/gm)].map(
      ([, verb]) => verb!,
    )
    const named = [...README.matchAll(/^\| `(\w[\w-]*)/gm)].map(([, verb]) => verb!)
    expect([...new Set(named)].sort()).toEqual(verbs.sort())
  })
})
