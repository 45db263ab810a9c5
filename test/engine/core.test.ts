// What stops an engine, and what it is called: the few rules that every part of it stands on.
import { expect, test } from 'vitest'
import { initiatorOf } from '../../engine/assemble.ts'
import { guarded } from '../../engine/core/core.ts'
import { invariant } from '../../errors.ts'
import { memoryStore } from '../../store/write/memory-store.ts'
import { HEADER } from '../store/events.ts'

const thrown = (work: () => void): unknown => {
  const broken: unknown[] = []
  guarded({ breakEngine: (error: unknown) => void broken.push(error) } as never, work)
  return broken[0]
}

test('an error that nobody expected stops the engine under its own name, with where it came from', () => {
  const fail = (error: unknown) => () => {
    throw error
  }
  const bare = Object.assign(new Error('odd'), { stack: undefined })
  expect(thrown(() => undefined)).toBeUndefined()
  expect(thrown(fail(new TypeError('no number')))).toMatchObject({
    ...{ code: 'ENGINE_FAULT', why: expect.stringMatching(/TypeError: no number\n +at /) as unknown },
  })
  expect(thrown(fail(bare))).toMatchObject({ code: 'ENGINE_FAULT', why: 'odd' })
  expect(thrown(fail('words'))).toMatchObject({ code: 'ENGINE_FAULT', why: 'words' })
  expect(thrown(() => invariant(false, 'a counter is never negative'))).toMatchObject({
    code: 'INVARIANT_BROKEN',
  })
})

test('an initiator is called as it was told, else as it was before, else as its ledger; never in odd signs', () => {
  const store = memoryStore({ header: HEADER })
  const before = (streams: object) => ({ position: 1, streams }) as never
  const reserved = {
    'reservation/x': { context: { mine: 'former' } },
    'reservation/y': { context: { mine: '' } },
  }
  expect(initiatorOf('told', before(reserved), store)).toBe('told')
  expect(initiatorOf(undefined, before(reserved), store)).toBe('former')
  expect(initiatorOf(undefined, before({}), store)).toBe(HEADER.eventId)
  expect(() => initiatorOf('two words', before({}), store)).toThrow(
    expect.objectContaining({ code: 'INITIATOR_INVALID', errno: 'EINVAL' }),
  )
})
