// `pathledger reservation`: each verb against two running engines of one LUN, with its exit codes, words and ledger rows.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { filePath, hangFilter, Multipath, openLedgerReader, virtualLun } from '../../index.ts'
import type { ReservationReport } from '../../index.ts'
import { run } from './harness.ts'

const WWID = 'naa.600140500000000000000000000c1106'
const TYPE = 'write-exclusive-reg-only'
const [A, B] = ['0x00000000000000a1', '0x00000000000000b2'] as const
const lun = virtualLun({ wwid: WWID })
let folder = ''
let one: Multipath
let two: Multipath
let hang: ReturnType<typeof hangFilter>

const socketOf = (name: string) => join(folder, `${name}.sock`)
const engine = (name: string) =>
  Multipath.open({
    ledger: join(folder, `${name}.ledger`),
    lunFolder: join(folder, 'luns'),
    initiator: name,
    multipath: 'always',
    controlSocket: socketOf(name),
    reservationWaitMs: 200,
  })
const device = (hctl: string) => filePath(join(folder, 'lun.img'), { lun, hctl })

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-reserve-'))
  writeFileSync(join(folder, 'lun.img'), Buffer.alloc(65_536))
  one = await engine('one')
  two = await engine('two')
  hang = hangFilter(await device('8:0:0:0'))
  await one.addPath(hang.path)
  await one.addPath(await device('9:0:0:0'))
  await two.addPath(await device('20:0:0:0'))
})
afterAll(async () => {
  await one.close()
  await two.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A verb of the first engine, or of the other. */
const reservation = (words: string, name = 'one') =>
  run('reservation', ...words.split(' '), '--socket', socketOf(name))
/** Its report; it must have gone well. */
async function report(words: string, name = 'one'): Promise<ReservationReport> {
  const { code, stdout, stderr } = await run(
    ...['reservation', ...words.split(' '), '--json'],
    ...['--socket', socketOf(name)],
  )
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as ReservationReport
}

test('register, show and keys: every path, the same on both engines; actor and reason on the ledger', async () => {
  expect(await reservation('show sda')).toEqual({
    code: 0,
    stdout: 'sda: not reserved; generation 0, 0 paths registered\n',
    stderr: '',
  })
  const said = ['--reason', 'night shift']
  const registered = await run('reservation', 'register', 'sda', '0xa1', ...said, '--socket', socketOf('one'))
  expect(registered.stdout).toBe(
    `sda: not reserved; generation 1, 2 paths registered\n  ${A}  8:0:0:0 of one\n  ${A}  9:0:0:0 of one\n`,
  )
  expect((await reservation('keys sda', 'two')).stdout).toBe(`sda: generation 1, 2 keys\n  ${A}\n  ${A}\n`)
  expect(await report(`show ${WWID}`)).toEqual(await report('show sda', 'two'))
  const reader = openLedgerReader(join(folder, 'one.ledger'))
  const [row] = reader.read({ type: 'reservation.commanded' })
  reader.close()
  expect(row).toMatchObject({ actor: `operator:${process.getuid?.() ?? 'unknown'}`, reason: 'night shift' })
})

test('what is refused has a code, and an exit code: usage, conflict, not found', async () => {
  const refusals: readonly (readonly [string, number, string])[] = [
    ['register sda 0xg1', 2, 'RESERVATION_KEY'],
    ['reserve sda 0xa1 exclusive', 2, 'RESERVATION_TYPE'],
    ['register sda 0xa2', 4, 'RESERVATION_CONFLICT'],
    ['reserve sda 0xa2 write-exclusive', 4, 'RESERVATION_CONFLICT'],
    ['preempt sda 0xa1 0x0 write-exclusive', 2, 'RESERVATION_REFUSED'],
    ['clear sdq 0xa1', 3, 'HEAD_NOT_FOUND'],
    ['clear sda', 2, 'USAGE'],
  ]
  for (const [words, code, name] of refusals) {
    const answer = await reservation(`${words} --json`)
    expect({ words, code: answer.code, stdout: answer.stdout }).toEqual({ words, code, stdout: '' })
    expect(JSON.parse(answer.stderr), words).toMatchObject({ error: { code: name } })
  }
  expect((await report('show sda')).generation).toBe(1)
})

test('reserve, release, a new key, preempt and clear: each answered with the report after it', async () => {
  expect(await report(`reserve sda 0xa1 ${TYPE}`)).toMatchObject({
    reservation: { type: TYPE, key: A, holder: { initiator: 'one' } },
  })
  expect((await reservation(`show sda`)).stdout).toContain(`sda: ${TYPE}, held by ${A}, `)
  // Somebody else's.
  await report('register sda 0xb2', 'two')
  expect(await reservation(`reserve sda 0xb2 write-exclusive`, 'two')).toMatchObject({ code: 4 })
  // One's own, by the wrong type.
  expect(await reservation(`release sda 0xa1 write-exclusive`)).toMatchObject({ code: 2 })
  expect(await report(`release sda 0xa1 ${TYPE}`)).toMatchObject({ reservation: null })
  await report(`reserve sda 0xa1 ${TYPE}`)
  const rekeyed = await report('register sda 0xc3 --old-key 0xa1')
  expect(rekeyed).toMatchObject({ reservation: { key: '0x00000000000000c3' } })
  await report('register sda 0xa1 --ignore')
  expect(await report(`preempt sda 0xb2 0xa1 ${TYPE}`, 'two')).toMatchObject({
    reservation: { key: B, holder: { initiator: 'two', nexus: '20:0:0:0' } },
    registrants: [{ initiator: 'two', nexus: '20:0:0:0', key: B }],
  })
  expect(await report('show sda')).toEqual(await report('show sda', 'two'))
  await report('register sda 0xa1')
  expect((await report(`preempt-and-abort sda 0xa1 0xb2 ${TYPE}`)).reservation?.key).toBe(A)
  expect(await report('clear sda 0xa1')).toMatchObject({ reservation: null, registrants: [] })
})

test('with an older write of the other engine open it is BUSY, by name, and done once that has ended', async () => {
  await report('register sda 0xa1')
  await report('register sda 0xb2', 'two')
  await report(`reserve sda 0xa1 ${TYPE}`)
  hang.control.enable()
  const hung = Promise.all(
    [0, 1].map(() => one.head(WWID).write({ offset: 0, data: new Uint8Array(512).fill(1) })),
  )
  const busy = await reservation(`preempt sda 0xb2 0xa1 ${TYPE}`, 'two')
  expect(busy).toMatchObject({ code: 4, stdout: '' })
  expect(busy.stderr).toContain('engine one has not acknowledged it yet')
  hang.control.disable()
  await hung
  expect(await report(`preempt sda 0xb2 0xa1 ${TYPE}`, 'two')).toMatchObject({ reservation: { key: B } })
  expect((await report('register sda 0x0 --old-key 0xb2', 'two')).registrants).toEqual([])
})

test('every verb begins its help with examples, and names its engine', async () => {
  for (const verb of [
    'show',
    'keys',
    'register',
    'reserve',
    'release',
    'preempt',
    'preempt-and-abort',
    'clear',
  ]) {
    const help = await run('reservation', verb, '--help')
    expect(help.stdout, verb).toMatch(/^Examples:\n {2}pathledger reservation/)
  }
  expect(await run('reservation', 'show', 'sda')).toMatchObject({ code: 2 })
})
