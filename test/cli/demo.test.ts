// `pathledger demo` on plain files: needs neither root nor loop devices. Real loop devices: test/system/demo.test.ts.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { BLOCK_BYTES, checkBlock, fillBlock } from '../../cli/demo/blocks.ts'
import { documentIn, errorIn, makeFolder, removeFolder, run, runWith } from './harness.ts'
import type { Ran } from './harness.ts'

const ROOT = join(import.meta.dirname, '../..')
const SHORT = ['--seconds', '1', '--image-size', '8', '--backend', 'file']

let folder: string
let temporary: string
let before: string | undefined
beforeAll(() => {
  folder = makeFolder()
  temporary = join(folder, 'tmp')
  mkdirSync(temporary)
  before = process.env['TMPDIR']
  process.env['TMPDIR'] = temporary
})
afterAll(() => {
  if (before === undefined) delete process.env['TMPDIR']
  else process.env['TMPDIR'] = before
  removeFolder(folder)
})

function blockOf(block: number, generation: number): Uint8Array {
  const bytes = new Uint8Array(BLOCK_BYTES)
  fillBlock(bytes, block, generation)
  return bytes
}

describe('a block', () => {
  test('is told apart from an older one, a misplaced one and a torn one', () => {
    const block = blockOf(7, 3)
    expect(checkBlock(block, 7, 3)).toBe('same')
    expect(checkBlock(block, 7, 4)).toBe('older')
    expect(checkBlock(block, 7, 2)).toBe('other')
    expect(checkBlock(block, 8, 3)).toBe('other')
    const torn = blockOf(7, 4)
    torn.set(block.subarray(2048), 2048)
    expect(checkBlock(torn, 7, 4)).toBe('other')
    expect(checkBlock(new Uint8Array(BLOCK_BYTES), 7, 0)).toBe('same')
    expect(checkBlock(new Uint8Array(BLOCK_BYTES), 7, 4)).toBe('older')
    fillBlock(block, 7, 0)
    expect(checkBlock(block, 7, 0)).toBe('same')
  })
})

describe('demo --json', () => {
  const ledger = (): string => join(folder, 'kept.ledger')
  let ran: Ran
  beforeAll(async () => {
    ran = await run('demo', '--json', ...SHORT, '--ledger', ledger())
  })

  test('prints one document and exits with 0', () => {
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).toMatch(/^[^\n]+\n$/)
    const document = documentIn(ran)
    expect(document).toMatchObject({
      ...{ backend: 'file', paths: 3, lost: 0, mismatched: 0, callerErrors: 0, checked: 2048 },
      ledger: { file: ledger(), chain: 'ok', replay: 'equal' },
    })
    expect(document.devices).toEqual([document.image, document.image, document.image])
    expect(document.writes).toBeGreaterThan(100)
    expect(document.reads).toBeGreaterThan(100)
    expect(document.failovers).toBeGreaterThanOrEqual(3)
    expect(document.requeued).toBeGreaterThanOrEqual(1)
  })

  test('leaves nothing behind but the ledger that was named', () => {
    expect(readdirSync(temporary)).toEqual([])
    expect(statSync(ledger()).size).toBeGreaterThan(0)
  })

  test('leaves a ledger that verifies, with the whole story on it', async () => {
    const { events } = documentIn(ran).ledger
    expect(documentIn(await run('verify', ledger(), '--json'))).toMatchObject({
      events,
      chain: 'ok',
      replay: 'equal',
    })
    const { stdout } = await run('log', ledger(), '--json')
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toHaveLength(events)
    const count = (type: string): number => lines.filter((line) => line.type === type).length
    expect(count('path.failed')).toBe(documentIn(ran).failovers)
    expect(count('path.cleared')).toBeGreaterThanOrEqual(1)
    expect(count('head.iopolicyChanged')).toBe(2)
    const disabled = lines.find((line) => line.type === 'path.disabled')
    expect(disabled).toMatchObject({
      actor: expect.stringMatching(/^operator:/),
      reason: expect.stringMatching(/./),
    })
  })

  test('goes on with a ledger that is there', async () => {
    const again = documentIn(await run('demo', '--json', ...SHORT, '--ledger', ledger()))
    expect(again.ledger).toMatchObject({ chain: 'ok', replay: 'equal' })
    expect(again.ledger.events).toBeGreaterThan(documentIn(ran).ledger.events)
  })
})

describe('demo for people', () => {
  test('ends with a page, the next commands, and a ledger to try them on', async () => {
    const { code, stdout, stderr } = await runWith({ live: true, color: true }, 'demo', ...SHORT)
    expect(code).toBe(0)
    const page = stdout.replace(new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g'), '')
    expect(page).toMatch(/lost +0 +blocks/)
    expect(page).toMatch(/chain ok, replay equal to the live state at every position/)
    const file = /verify (\S+)/.exec(page)![1]!
    expect((await run('verify', file)).code).toBe(0)
    expect(readdirSync(join(file, '..')).filter((name) => name.endsWith('.img'))).toEqual([])
    expect(stderr).toMatch(/sda:0 goes bad/)
    expect(stderr).toMatch(/IOPS/)
    const shown = /show \S+ --at (\d+)/.exec(page)![1]!
    const { heads } = documentIn(await run('show', file, '--at', shown, '--json'))
    expect(heads[0].state.service).toBe('queueing')
    removeFolder(join(file, '..'))
  })
})

describe('demo --image', () => {
  test('keeps an image that was named', async () => {
    const image = join(folder, 'named.img')
    const { code } = await run('demo', '--json', ...SHORT, '--image', image)
    expect(code).toBe(0)
    expect(statSync(image).size).toBe(8 * 1024 * 1024)
    expect(readdirSync(temporary)).toEqual([])
  })

  test('never overwrites one that is there', async () => {
    const image = join(folder, 'precious.img')
    writeFileSync(image, 'precious')
    const ran = await run('demo', '--json', ...SHORT, '--image', image)
    expect(ran).toMatchObject({ code: 4, stdout: '' })
    expect(errorIn(ran)).toMatchObject({ code: 'IMAGE_EXISTS', errno: 'EEXIST' })
    expect(statSync(image).size).toBe(8)
  })
})

describe('demo refuses', () => {
  test.each([
    [['--seconds', '0'], 2, 'USAGE'],
    [['--seconds', '1.5'], 2, 'USAGE'],
    [['--image-size', 'big'], 2, 'USAGE'],
    [['--backend', 'tape'], 2, 'USAGE'],
    [['--image', '/nowhere/at/all.img'], 3, 'IMAGE_NOT_FOUND'],
    [['--ledger', '/nowhere/at/all.ledger'], 3, 'LEDGER_NOT_FOUND'],
  ])('%j with exit code %i, %s', async (options, code, name) => {
    const ran = await run('demo', '--json', ...SHORT, ...options)
    expect(ran).toMatchObject({ code, stdout: '' })
    expect(errorIn(ran).code).toBe(name)
    expect(readdirSync(temporary)).toEqual([])
  })

  test('a ledger that is the image', async () => {
    const file = join(folder, 'both')
    const ran = await run('demo', '--json', ...SHORT, '--image', file, '--ledger', file)
    expect(ran.code).toBe(2)
    expect(existsSync(file)).toBe(false)
  })

  test('a ledger that is something else, and leaves it alone', async () => {
    const file = join(folder, 'letter.txt')
    writeFileSync(file, 'Dear ledger')
    const ran = await run('demo', '--json', ...SHORT, '--ledger', file)
    expect(ran.code).toBe(6)
    expect(errorIn(ran).code).toBe('NOT_A_LEDGER')
    expect(statSync(file).size).toBe(11)
  })
})

describe('a signal', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends the demo with %i, and its files are gone', async (signal, exit) => {
    const child = spawn(
      process.execPath,
      ['bin/pathledger.js', 'demo', '--seconds', '30', '--backend', 'file'],
      {
        cwd: ROOT,
        env: { ...process.env, TMPDIR: temporary },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    onTestFinished(() => void child.kill('SIGKILL'))
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk) => (stdout += String(chunk)))
    const code = await new Promise((resolve) => {
      child.on('exit', resolve)
      child.stderr.on('data', (chunk) => {
        const told = stderr.includes('goes bad')
        stderr += String(chunk)
        if (!told && stderr.includes('goes bad')) child.kill(signal)
      })
    })
    expect({ code, stdout }).toEqual({ code: exit, stdout: '' })
    expect(stderr).toMatch(/The demo was interrupted/)
    expect(readdirSync(temporary)).toEqual([])
  })
})
