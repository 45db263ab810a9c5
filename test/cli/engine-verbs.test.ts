// The verbs for a running engine: through its control socket, with exit codes and words.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { filePath, Multipath, openLedgerReader, virtualLun } from '../../index.ts'
import { run } from './harness.ts'

const WWID = 'naa.600140500000000000000000000c1100'
let folder = ''
let socket = ''
let mp: Multipath

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-verbs-'))
  socket = join(folder, 'mp.sock')
  const image = join(folder, 'lun.img')
  writeFileSync(image, Buffer.alloc(65_536))
  const ledger = join(folder, 'mp.ledger')
  mp = await Multipath.open({ ledger, multipath: 'always', controlSocket: socket, noPathCheckMs: 600_000 })
  const lun = virtualLun({ wwid: WWID })
  for (const hctl of ['8:0:0:0', '9:0:0:0']) await mp.addPath(await filePath(image, { lun, hctl }))
})
afterEach(async () => {
  await mp.close()
  rmSync(folder, { recursive: true, force: true })
})

test('show says what the engine has', async () => {
  const json = await run('show', '--socket', socket, '--json')
  expect(json).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(json.stdout)).toMatchObject({
    heads: [{ name: 'sda', paths: [{ name: 'sda:0' }, { name: 'sda:1' }] }],
  })
  const people = await run('show', '--socket', socket)
  expect(people.stdout).toContain('sda:1 9:0:0:0')
})

test('a path is pulled and put back, and the ledger knows who and why', async () => {
  const failed = await run('path', 'fail', 'sda:1', '--socket', socket, '--reason', 'cable swap')
  expect(failed).toMatchObject({ code: 0, stdout: 'sda:1 (9:0:0:0) is disabled: running, optimal, online\n' })
  expect(await run('path', 'fail', 'sda:1', '--socket', socket)).toMatchObject({ code: 4 })
  expect(await run('path', 'reinstate', '9:0:0:0', '--socket', socket, '--json')).toMatchObject({ code: 0 })
  expect(await run('path', 'fail', 'sda:7', '--socket', socket)).toMatchObject({ code: 3 })
  await mp.close()
  const reader = openLedgerReader(join(folder, 'mp.ledger'))
  const row = reader.read({ type: 'path.disabled' })[0]
  expect(row).toMatchObject({ reason: 'cable swap', actor: `operator:${process.getuid?.() ?? 'unknown'}` })
  reader.close()
})

test('the device of a path goes through its states, and a step that it does not take is a conflict', async () => {
  const quiesced = await run('path', 'quiesce', 'sda:1', '--socket', socket)
  expect(quiesced).toMatchObject({
    code: 0,
    stdout: 'sda:1 (9:0:0:0) is enabled: quiesced, optimal, online\n',
  })
  expect(await run('path', 'online', 'sda:1', '--socket', socket)).toMatchObject({ code: 4, stdout: '' })
  expect(await run('path', 'transport-offline', 'sda:1', '--socket', socket)).toMatchObject({ code: 0 })
  const removed = await run('path', 'remove', 'sda:1', '--socket', socket, '--json')
  expect(JSON.parse(removed.stdout)).toMatchObject({ hctl: '9:0:0:0', state: { device: 'deleted' } })
  expect(mp.heads[0]?.paths.map(({ name }) => name)).toEqual(['sda:0'])
})

test('counters are shown and set, and a wrong one is refused before the engine is asked', async () => {
  const shown = await run('counters', '--socket', socket)
  expect(shown.stdout).toMatch(
    /^sda {7}reads 0, .*requeued 0, failedNoPath 0.*\nsda stat .*\nsda:0 .*\nsda:1 .*\nhost8 /,
  )
  const one = ['counters', 'set', 'sda', 'requeued=0x10', '--socket', socket, '--reason', 'try', '--json']
  expect(JSON.parse((await run(...one)).stdout)).toMatchObject({ of: 'sda', counters: { requeued: 16 } })
  expect(await run('counters', 'set', 'host9', '--socket', socket)).toMatchObject({ code: 0, stderr: '' })
  for (const wrong of ['requeued=-1', 'requeued', 'requeued=09', 'requeued=99999999999999999999']) {
    expect(await run('counters', 'set', 'sda', wrong, '--socket', socket)).toMatchObject({
      code: 2,
      stdout: '',
    })
  }
  expect(await run('counters', 'set', 'sda', 'none=1', '--socket', socket)).toMatchObject({ code: 2 })
  expect(await run('counters', 'set', 'host7', '--socket', socket)).toMatchObject({ code: 3 })
  expect(mp.heads[0]?.counters.requeued).toBe(16)
})

test('drain wants --fail, ghosts a reason to be released', async () => {
  expect(await run('drain', 'sda', '--socket', socket)).toMatchObject({ code: 2 })
  const drained = await run('drain', 'sda', '--fail', '--socket', socket, '--json')
  expect(JSON.parse(drained.stdout)).toEqual({ bios: 0, bytes: 0, countdowns: [] })
  expect(await run('ghosts', '--socket', socket)).toMatchObject({ code: 0, stdout: 'no ghosts\n' })
  expect(await run('ghosts', 'release', '--socket', socket)).toMatchObject({ code: 2 })
  const released = await run('ghosts', 'release', '--socket', socket, '--reason', 'gone')
  expect(released).toMatchObject({ code: 0, stdout: '0 ghosts released\n' })
})

test('while noPathRetry counts, every verb says how many checks are left, in words and as JSON', async () => {
  const head = mp.head(WWID)
  head.setNoPathRetry(7)
  const counting = [{ head: 'sda', wwid: WWID, checksLeft: 7, nextCheckMs: expect.any(Number) as number }]
  const words = /^sda: no path; 7 checks left until its I\/O fails \(next in \d+ ms\)$/m
  expect((await run('path', 'fail', 'sda:0', '--socket', socket)).stdout).not.toMatch(words)
  expect((await run('path', 'fail', 'sda:1', '--socket', socket)).stdout).toMatch(words)
  const reading = head.read({ offset: 0, length: 512 }).catch((error: unknown) => error)
  for (const verb of [
    ['path', 'quiesce', 'sda:1'],
    ['drain', 'sda', '--fail'],
    ['ghosts'],
    ['ghosts', 'release', '--reason', 'none there'],
    ['counters', 'set', 'sda', 'requeued=0'],
  ]) {
    const asked = [...verb, '--socket', socket]
    expect(JSON.parse((await run(...asked, '--json')).stdout), verb.join(' ')).toMatchObject({
      countdowns: counting,
    })
    if (verb[0] !== 'path') expect((await run(...asked)).stdout, verb.join(' ')).toMatch(words)
  }
  expect(await reading).toMatchObject({ code: 'DRAINED' })
  const back = await run('path', 'reinstate', 'sda:0', '--socket', socket, '--json')
  expect(JSON.parse(back.stdout)).toMatchObject({ countdowns: [] })
})

test('no engine there, and no engine named', async () => {
  expect(await run('ghosts', '--socket', join(folder, 'other.sock'))).toMatchObject({ code: 3 })
  expect(await run('ghosts')).toMatchObject({ code: 2 })
  expect(await run('show')).toMatchObject({ code: 2 })
})

test('a running engine is not asked about the past, nor together with a ledger', async () => {
  expect(await run('show', '--socket', socket, '--at', '1')).toMatchObject({ code: 2, stdout: '' })
  expect(await run('show', 'mp.ledger', '--socket', socket)).toMatchObject({ code: 2, stdout: '' })
})
