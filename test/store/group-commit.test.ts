// What is handed to the writer, and when.
import { expect, it } from 'vitest'
import { PathledgerError } from '../../errors.ts'
import { batchOfWire, batchToWire } from '../../store/write/append-wire.ts'
import { GroupCommit, type Settled } from '../../store/write/group-commit.ts'
import type { Append } from '../../store/types.ts'
import { failed, PATH_A, Scribe } from './events.ts'

const LIMITS = { maxPendingEvents: 100, maxPendingBytes: 1_000_000, maxBatchEvents: 3 }

function writer(ahead: number) {
  const sent: { batch: readonly Append[]; done: (outcomes: readonly Settled[]) => void }[] = []
  const queue = new GroupCommit((batch, done) => void sent.push({ batch, done }), LIMITS, ahead)
  const scribe = new Scribe()
  const ended: string[] = []
  const append = (name: string, events: number): void => {
    const made = Array.from({ length: events }, () => scribe.event(PATH_A, 'path.failed', failed()))
    void queue.append({ events: made }).then(
      () => ended.push(name),
      (error: unknown) => ended.push(`${name} ${(error as PathledgerError).code}`),
    )
  }
  const settle = async (): Promise<void> => {
    const [first] = sent.splice(0, 1)
    first?.done(first.batch.map(() => ({ ok: true, answer: { positions: [], duplicates: 0 }, events: [] })))
    await Promise.resolve()
  }
  const sizes = () => sent.map(({ batch }) => batch.reduce((sum, { events }) => sum + events.length, 0))
  return { queue, append, settle, sizes, ended }
}

it('a batch is handed over ahead only when it is full, and never more than were agreed on', async () => {
  const { append, settle, sizes, ended } = writer(1)
  append('a', 1)
  append('b', 2)
  expect(sizes()).toEqual([1])
  append('c', 1)
  expect(sizes()).toEqual([1, 3])
  append('d', 3)
  append('e', 1)
  expect(sizes()).toEqual([1, 3])
  await settle()
  expect(sizes()).toEqual([3, 3])
  await settle()
  expect(sizes()).toEqual([3])
  await settle()
  expect(sizes()).toEqual([1])
  await settle()
  expect(ended).toEqual(['a', 'b', 'c', 'd', 'e'])
})

it('nothing is handed over ahead where that is not asked for', () => {
  const { append, sizes } = writer(0)
  append('a', 1)
  append('b', 3)
  expect(sizes()).toEqual([1])
})

it('a writer that dies fails all that was handed over, in order, and all that waits', async () => {
  const { queue, append, settle, ended } = writer(1)
  for (const name of ['a', 'b', 'c']) append(name, 3)
  queue.fail(new PathledgerError('LEDGER_IO', { message: 'Gone.', why: '', todo: '' }))
  await settle()
  await queue.finish(new PathledgerError('LEDGER_CLOSED', { message: '', why: '', todo: '' }))
  expect(ended).toEqual(['a LEDGER_IO', 'b LEDGER_IO', 'c LEDGER_IO'])
})

it('a batch comes out of its packing as it went in', () => {
  const scribe = new Scribe()
  const [one, two] = [0, 1].map(() => scribe.event(PATH_A, 'path.failed', failed()))
  const batch: Append[] = [
    {
      events: [one!, { ...two!, cause: { eventId: one!.eventId }, reason: 'ä' }],
      expected: { [PATH_A]: 'any' },
    },
    { events: [] },
    { events: [one!] },
  ]
  expect(batchOfWire(structuredClone(batchToWire(batch)))).toEqual(batch)
})
