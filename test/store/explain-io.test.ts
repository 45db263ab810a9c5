// Explanations of one I/O, of ledgers that were written by hand.
import { expect, test } from 'vitest'
import { explain } from '../../store/explain/explain.ts'
import { memoryStore } from '../../store/write/memory-store.ts'
import type { NewEvent } from '../../store/types.ts'
import { added, EVIDENCE, failed, HEAD, HEADER, PATH_A, Scribe } from './events.ts'

const LUN = HEAD.replace('head/', 'lun/')
const traced = {
  ...{ bio: 7, node: 0, op: 'write', fua: false, offset: 0, length: 512, status: 'IOERR', errno: 'EIO' },
  ...{ startedUs: 0, tookUs: 900, parkedUs: 0, dropped: 0 },
}
const attempt = { path: '8:0:0:0', incarnation: 1, startedUs: 5, tookUs: 8, status: 'IOERR', errno: 'EIO' }

async function explained(make: (scribe: Scribe) => readonly NewEvent[], head?: string) {
  const store = memoryStore({ header: HEADER })
  await store.append({ events: make(new Scribe()) })
  const target = head === undefined ? { io: 7 } : { io: 7, head }
  return explain(store, target, { position: store.head().events })
}

test('an error at its caller that was not traced is told of the head that is asked about', async () => {
  const data = { bio: 7, path: 'sda:0', evidence: EVIDENCE }
  const { symptom, also } = await explained((scribe) => [scribe.event(LUN, 'lun.ioFailed', data)], HEAD)
  expect(symptom).toBe('I/O 7 ended with an error at its caller.')
  expect(also[0]).toMatch(/^It was not traced/)
  const other = explained((scribe) => [scribe.event(LUN, 'lun.ioFailed', data)], 'head/naa.other')
  await expect(other).rejects.toMatchObject({ code: 'IO_NOT_TRACED' })
})

test('an answer that says itself that it is of the target is not held against the path', async () => {
  const target = { ...attempt, status: 'TARGET', errno: 'EREMOTEIO' }
  const { root, layer, symptom } = await explained((scribe) => [
    scribe.event(HEAD, 'head.ioTraced', {
      ...traced,
      ...{ status: 'TARGET', errno: 'EREMOTEIO', attempts: [target] },
    }),
  ])
  expect(root).toMatchObject({ kind: 'lunError', path: '8:0:0:0', status: 'TARGET' })
  expect(layer).toBe('target')
  expect(symptom).toContain('failed with TARGET (EREMOTEIO) after 900 us.')
})

test('an attempt that names an event which is not there is told by itself', async () => {
  const { root, chain } = await explained((scribe) => [
    scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0)),
    scribe.event(HEAD, 'head.ioTraced', { ...traced, attempts: [{ ...attempt, led: 'gone' }] }),
  ])
  expect(root).toMatchObject({ kind: 'pathError', errno: 'EIO', path: '8:0:0:0' })
  expect(chain[0]?.says).toContain('sda:0 answered a write of 512 bytes at offset 0 with EIO (IOERR)')
})

test('an I/O that no path was asked about, and that went well, needs nothing', async () => {
  const data = { ...traced, status: 'OK', errno: null, attempts: [] }
  const { root, symptom, advice } = await explained((scribe) => [scribe.event(HEAD, 'head.ioTraced', data)])
  expect(root.kind).toBe('nothing')
  expect(symptom).toBe('I/O 7, a write of 512 bytes at offset 0, succeeded after 900 us.')
  expect(advice).toBe('Nothing has to be done.')
})

/** A ledger of before traces named what an attempt led to. */
async function ofBefore(startedUs: number, tell: (scribe: Scribe) => readonly NewEvent[]) {
  return explained((scribe) => [
    scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0)),
    ...tell(scribe),
    scribe.event(HEAD, 'head.ioTraced', { ...traced, startedUs, attempts: [{ ...attempt, startedUs }] }),
  ])
}

test('a trace that names no event is told by what says the same I/O soon after it', async () => {
  const suspected = (evidence: object) => (scribe: Scribe) => [
    scribe.event(PATH_A, 'path.suspected', { ...EVIDENCE, ...evidence }),
  ]
  const same = { op: 'write', offset: 0, length: 512, errno: 'EIO', status: 'IOERR' }
  // Just before the suspicion, which comes two milliseconds after the header.
  const justBefore = HEADER.monoUs + 1_500
  const { chain } = await ofBefore(justBefore, suspected(same))
  expect(chain.map(({ type }) => type)).toContain('path.suspected')
  // One that is of another I/O is still the nearest thing that is known.
  const other = await ofBefore(justBefore, suspected({ ...same, offset: 4096 }))
  expect(other.chain.map(({ type }) => type)).toContain('path.suspected')
  const failure = await ofBefore(justBefore, (scribe) => [scribe.event(PATH_A, 'path.failed', failed())])
  expect(failure.chain.map(({ type }) => type)).toContain('path.failed')
})

test('and by a suspicion that stood already when it ended, or by nothing where there is none', async () => {
  const later = 3_600_000_000_000
  const stood = await ofBefore(later, (scribe) => [scribe.event(PATH_A, 'path.suspected', EVIDENCE)])
  expect(stood.chain.map(({ type }) => type)).toContain('path.suspected')
  const cleared = await ofBefore(later, (scribe) => [
    scribe.event(PATH_A, 'path.suspected', EVIDENCE),
    scribe.event(PATH_A, 'path.cleared', { errors: 1, bios: 1, resent: 1 }),
  ])
  expect(cleared.chain.map(({ type }) => type)).not.toContain('path.suspected')
  const alone = await ofBefore(0, () => [])
  expect(alone.root).toMatchObject({ kind: 'pathError', errno: 'EIO', path: '8:0:0:0' })
})
