// The errors that an I/O can end with, word by word: what is certain, what is not, and why.
import { expect, test } from 'vitest'
import type { Bio } from '../../engine/io/bio.ts'
import type { HeadRuntime } from '../../engine/heads/runtime.ts'
import { ghostHoldError, memoryGoneError } from '../../engine/io/errors.ts'
import { headGoneError } from '../../engine/heads/gone.ts'

const head = (why = '') => ({ name: 'sda', lun: { wwid: 'naa.1' }, context: { why } }) as never as HeadRuntime
const bio = (attempts: number) =>
  ({ op: 'write', offset: 512, length: 512, attempts, refusals: [] }) as never as Bio

test('a write that waited for a ghost, or for an older write that does: failed only where it never went anywhere', () => {
  const ghost = { id: 'g', op: 'discard', offset: 0, length: 4096, path: '8:0:0:0' } as never
  const waited = ghostHoldError(head(), bio(0), ghost)
  expect(waited).toMatchObject({ code: 'GHOST_HOLD', outcome: 'failed', details: { ghost: 'g' } })
  expect(waited.message).toContain('waited too long for ghost g.')
  expect(waited.why).toBe(
    'An earlier attempt may still land on these blocks: discard of 4096 bytes at 0 on 8:0:0:0.',
  )
  const behind = ghostHoldError(head(), bio(1), null)
  expect(behind).toMatchObject({ outcome: 'unknown', details: { ghost: null } })
  expect(behind.message).toContain('waited too long for an older write that waits for a ghost.')
  expect(behind.why).toBe('An earlier attempt may still land on these blocks.')
})

test('memory that went away under a write: failed before an attempt, unknown after one', () => {
  expect([0, 2].map((attempts) => memoryGoneError(head(), bio(attempts)).outcome)).toEqual([
    'failed',
    'unknown',
  ])
})

test('a head that is gone says why it went, where anybody said so', () => {
  expect([headGoneError(head()).why, headGoneError(head('its operator asked')).why]).toEqual([
    'Its last path is gone.',
    'its operator asked.',
  ])
})
